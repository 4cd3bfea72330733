"""A running emulated device as a pyOCD probe: `pyocd list`, `pyocd commander -u emulator:kitchen`, …

pyOCD loads `EmulatorPlugin` through the entry point `pyocd.probe` whenever it looks for probes. The device has a debug
port and one access port with its whole address space behind it; the few registers of both are answered here, and every
access to memory goes through the device's debug port.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Callable, Sequence
from typing import Any, cast

from pyocd.board.board_ids import BoardInfo
from pyocd.core import exceptions
from pyocd.core.memory_interface import MemoryInterface
from pyocd.core.plugin import Plugin
from pyocd.probe.debug_probe import DebugProbe

from mvsdk import __version__
from mvsdk.debug_port.announcements import Announcement
from mvsdk.debug_port.client import DebugConnection, connect, running_devices
from mvsdk.debug_port.errors import AccessError, ConnectionLostError, NoSuchDeviceError
from mvsdk.debug_port.messages import Welcome, Width
from mvsdk.probe.targets import register_targets, target_of

PREFIX = "emulator"
# ADIv5.2 (Arm IHI 0031): registers of the debug port by address, of the access port by offset.
_DPIDR, _CTRL_STAT, _RDBUFF = 0x0, 0x4, 0xC
_STM32U5_DPIDR = 0x0BE1_2477
_POWER_REQUESTS = 0x5000_0000
_CSW, _TAR, _CFG, _BASE, _IDR = 0x00, 0x04, 0xF4, 0xF8, 0xFC
_AHB5_AP, _ROM_TABLE = 0x1477_0015, 0xE00F_F003
_CSW_ENABLED = 0x40
_AP_NUMBER, _AP_REGISTER = 24, 0xFC


class EmulatorPlugin(Plugin):
    """What the entry point names: brings the probe and the chip into pyOCD."""

    @property
    def name(self) -> str:
        """What a unique id begins with."""
        return PREFIX

    @property
    def description(self) -> str:
        """What it is."""
        return "Emulated devices of mvsdk"

    @property
    def version(self) -> str:
        """The version of mvsdk."""
        return __version__

    def load(self) -> type[DebugProbe]:
        """Make the chip known, and return the probe."""
        register_targets()
        return EmulatedProbe


class EmulatedProbe(DebugProbe):
    """One running emulated device."""

    def __init__(self, announcement: Announcement, welcome: Welcome) -> None:
        super().__init__()
        self._announcement = announcement
        self._welcome = welcome
        self._connection: DebugConnection | None = None
        self._protocol: DebugProbe.Protocol | None = None
        self._control = 0
        self._access_port: dict[int, int] = {_CSW: _CSW_ENABLED, _TAR: 0}
        self._reset_low = False

    # -- which there are -----------------------------------------------------------------------------------------------

    @classmethod
    def get_all_connected_probes(cls, unique_id: str | None = None, is_explicit: bool = False) -> list[DebugProbe]:
        """Return all running devices."""
        return [cls(announcement, welcome) for announcement, welcome in running_devices(os.environ)]

    @classmethod
    def get_probe_with_id(cls, unique_id: str, is_explicit: bool = False) -> DebugProbe | None:
        """Return the running device of this name."""
        try:
            with connect(unique_id.removeprefix(f"{PREFIX}:"), os.environ) as connection:
                return cls(connection.announcement, connection.welcome)
        except (NoSuchDeviceError, ConnectionLostError):
            return None

    @property
    def vendor_name(self) -> str:
        """Who made it."""
        return "mvsdk"

    @property
    def product_name(self) -> str:
        """What it is."""
        return f"emulated {self._welcome.board} ({self._welcome.image or 'nothing'})"

    @property
    def unique_id(self) -> str:
        """Its name, as any command takes it."""
        return f"{PREFIX}:{self._welcome.name}"

    @property
    def announcement(self) -> Announcement:
        """Where the device listens."""
        return self._announcement

    @property
    def welcome(self) -> Welcome:
        """What the device says of itself."""
        return self._welcome

    @property
    def associated_board_info(self) -> BoardInfo:
        """What pyOCD shows and takes the chip from."""
        return BoardInfo(name=self._welcome.name, target=target_of(self._welcome.board), vendor="mvsdk")

    def create_associated_board(self) -> Any:  # noqa: ANN401 - pyOCD's Board
        """Return the board that the device is."""
        from pyocd.board.board import Board

        return Board(self.session, board_info=self.associated_board_info)

    # -- the probe -----------------------------------------------------------------------------------------------------

    @property
    def supported_wire_protocols(self) -> list[DebugProbe.Protocol]:
        """There is no wire."""
        return [DebugProbe.Protocol.DEFAULT, DebugProbe.Protocol.SWD]

    @property
    def wire_protocol(self) -> DebugProbe.Protocol | None:
        """What pyOCD is to think of as the wire."""
        return self._protocol

    @property
    def is_open(self) -> bool:
        """Whether the device's port is connected."""
        return self._connection is not None

    @property
    def capabilities(self) -> set[DebugProbe.Capability]:
        """Access ports need no selecting."""
        kinds = DebugProbe.Capability
        return {kinds.MANAGED_AP_SELECTION, kinds.MANAGED_DPBANKSEL, kinds.BANKED_DP_REGISTERS}

    @property
    def connection(self) -> DebugConnection:
        """The connection to the device, while the probe is open."""
        if self._connection is None:
            raise exceptions.ProbeError(f"{self.unique_id} is not open")
        return self._connection

    def open(self) -> None:
        """Connect to the device's debug port."""
        try:
            self._connection = DebugConnection(self._announcement)
        except ConnectionLostError as error:
            raise exceptions.ProbeError(str(error)) from error

    def close(self) -> None:
        """Leave; the device goes on by itself."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def connect(self, protocol: DebugProbe.Protocol | None = None) -> None:
        """Take the wire."""
        self._protocol = DebugProbe.Protocol.SWD

    def disconnect(self) -> None:
        """Let go of the wire."""
        self._protocol = None

    def set_clock(self, frequency: float) -> None:
        """Take no notice: there is no wire."""

    def reset(self) -> None:
        """Pull the reset line low and let it go."""
        self.assert_reset(True)
        self.assert_reset(False)

    def assert_reset(self, asserted: bool) -> None:
        """Pull the reset line low, or let it go."""
        with _as_pyocd():
            self.connection.reset_line(asserted)
        self._reset_low = asserted

    def is_reset_asserted(self) -> bool:
        """Whether the reset line is low."""
        return self._reset_low

    # -- debug port and access port ------------------------------------------------------------------------------------

    def read_dp(self, addr: int, now: bool = True) -> int | Callable[[], int]:
        """Read a register of the debug port; pyOCD may take the value later."""
        value = {_DPIDR: _STM32U5_DPIDR, _CTRL_STAT: self._control | (self._control & _POWER_REQUESTS) << 1}.get(
            addr, 0
        )
        return value if now else lambda: value

    def write_dp(self, addr: int, data: int) -> None:
        """Write a register of the debug port."""
        if addr == _CTRL_STAT:
            self._control = data

    def read_ap(self, addr: int, now: bool = True) -> int | Callable[[], int]:
        """Read a register of an access port; there is one."""
        number, register = addr >> _AP_NUMBER, addr & _AP_REGISTER
        fixed = {_IDR: _AHB5_AP, _BASE: _ROM_TABLE, _CFG: 0}
        value = 0 if number else fixed.get(register, self._access_port.get(register, 0))
        return value if now else lambda: value

    def write_ap(self, addr: int, data: int) -> None:
        """Write a register of the access port."""
        register = addr & _AP_REGISTER
        if addr >> _AP_NUMBER == 0 and register in self._access_port:
            self._access_port[register] = data | (_CSW_ENABLED if register == _CSW else 0)

    def get_memory_interface_for_ap(self, ap_address: Any) -> MemoryInterface | None:  # noqa: ANN401 - pyOCD's
        """Return the way to memory of access port 0."""
        return EmulatedMemory(self) if ap_address.nominal_address == 0 else None


class EmulatedMemory(MemoryInterface):
    """Memory of an emulated device. pyOCD calls it with attributes (`csw`) that its base class does not know."""

    def __init__(self, probe: EmulatedProbe) -> None:
        self._probe = probe

    def write_memory(self, addr: int, data: int, transfer_size: int = 32, **_attributes: object) -> None:
        """Write one value of so many bits."""
        with _as_pyocd():
            size = transfer_size // 8
            self._probe.connection.write(addr, (data & (1 << transfer_size) - 1).to_bytes(size, "little"), _width(size))

    def read_memory(
        self, addr: int, transfer_size: int = 32, now: bool = True, **_attributes: object
    ) -> int | Callable[[], int]:
        """Read one value of so many bits; pyOCD may take it later."""
        with _as_pyocd():
            size = transfer_size // 8
            value = int.from_bytes(self._probe.connection.read(addr, size, _width(size)), "little")
        return value if now else lambda: value

    def write_memory_block32(self, addr: int, data: Sequence[int], **_attributes: object) -> None:
        """Write words."""
        if data:
            with _as_pyocd():
                self._probe.connection.write(addr, struct.pack(f"<{len(data)}I", *data), 4)

    def read_memory_block32(self, addr: int, size: int, **_attributes: object) -> list[int]:
        """Read words."""
        with _as_pyocd():
            return list(struct.unpack(f"<{size}I", self._probe.connection.read(addr, 4 * size, 4) if size else b""))

    def write_memory_block8(self, addr: int, data: Sequence[int], **_attributes: object) -> None:
        """Write bytes."""
        if data:
            with _as_pyocd():
                self._probe.connection.write(addr, bytes(data))

    def read_memory_block8(self, addr: int, size: int, **_attributes: object) -> list[int]:
        """Read bytes."""
        with _as_pyocd():
            return list(self._probe.connection.read(addr, size) if size else b"")


def _width(size: int) -> Width:
    """Return the width of an access of `size` bytes; one of eight is two of four."""
    return cast("Width", min(size, 4))


@contextlib.contextmanager
def _as_pyocd() -> Any:  # noqa: ANN401 - a generator
    """Raise pyOCD's own errors, so that it deals with them as with any probe's."""
    try:
        yield
    except AccessError as error:
        raise exceptions.TransferFaultError(str(error)) from error
    except ConnectionLostError as error:
        raise exceptions.ProbeDisconnected(str(error)) from error
