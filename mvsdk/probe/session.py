"""A board behind a probe: connected, looked at, reset, read, and left in a stated condition.

with Attached(found) as board:
    board.option_bytes().report()
    board.read(0x2000_0000, 16)
    board.reset()

However it is left, the probe is released and the chip runs, unless it cannot be reached any more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from pyocd.core import exceptions
from pyocd.core.session import Session

from mvsdk.probe.errors import ProbeFailedError, ProtectedError, RangeError, WrongTargetError
from mvsdk.probe.finding import FoundProbe
from mvsdk.probe.option_bytes import OptionBytes
from mvsdk.probe.targets import chip, register_targets

_DEVICE_ID = 0xFFF
_CONNECT_AGAIN = "check cable and power, and that no other program uses the probe; then do it again"


class Attached:
    """A connection to the chip behind a probe. With `halt` the chip stands as soon as it is connected.

    Raises `ProbeFailedError` whenever the probe or the chip does not answer, `WrongTargetError` if the chip is not the
    one there should be.
    """

    def __init__(self, found: FoundProbe, *, halt: bool = False) -> None:
        register_targets()
        self.found = found
        self._session = Session(
            found.probe,
            auto_open=False,
            options={
                "target_override": chip()["parts"][0],
                "connect_mode": "halt" if halt else "attach",
                "auto_unlock": False,
                "hide_programming_progress": True,
                # What lies in the folder of a user's project is for `pyocd`, not for us.
                "no_config": True,
                "project_dir": str(Path(__file__).parent),
            },
        )
        try:
            with answering():
                self._session.open()
            self._check_chip()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Attached:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the chip run, and release the probe. One that is gone is not told."""
        with contextlib.suppress(exceptions.Error):
            self._session.close()
        with contextlib.suppress(exceptions.Error):
            if self.found.probe.is_open:
                self.found.probe.close()

    @property
    def target(self) -> Any:  # noqa: ANN401 - pyOCD's
        """pyOCD's target."""
        return self._session.target

    def option_bytes(self) -> OptionBytes:
        """Read the option bytes."""
        with answering():
            read: OptionBytes = self.target.option_bytes()
            return read

    def check_open(self) -> None:
        """Raise `ProtectedError` unless the flash may be written as it is."""
        refusal = self.option_bytes().refusal()
        if refusal is not None:
            raise ProtectedError(f"{self.found.uid} is not written: {refusal[0]}", refusal[1])

    def reset(self, *, halt: bool = False) -> None:
        """Reset the chip; with `halt` it stands at its first instruction, until it is let go."""
        with answering():
            if halt:
                self.target.reset_and_halt()
            else:
                self.target.reset()

    def read(self, address: int, size: int) -> bytes:
        """Read memory; `RangeError` where the chip has none that can be read."""
        try:
            return bytes(self.target.read_memory_block8(address, size))
        except exceptions.TransferFaultError as error:
            raise RangeError(
                f"{size} bytes at 0x{address:08x} cannot be read: nothing answers there",
                "give a range of the chip's memory: 0x08000000 is the flash, 0x20000000 the RAM",
            ) from error
        except exceptions.Error as error:
            raise _failed(error) from error

    def _check_chip(self) -> None:
        debug_unit = chip()["dbgmcu"]
        found = int.from_bytes(self.read(debug_unit["identity"], 4), "little") & _DEVICE_ID
        if found != debug_unit["device"]:
            raise WrongTargetError(
                f"the chip behind {self.found.uid} has the device id 0x{found:03X}, an STM32U585 has"
                f" 0x{debug_unit['device']:03X}",
                "choose the probe of the right board: mvsdk probes",
            )


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """Raise `ProbeFailedError` for whatever pyOCD says went wrong."""
    try:
        yield
    except exceptions.Error as error:
        raise _failed(error) from error


def _failed(error: exceptions.Error) -> ProbeFailedError:
    return ProbeFailedError(f"the probe or the chip does not answer: {error}", _CONNECT_AGAIN)
