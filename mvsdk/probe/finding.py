"""Which debug probes are there, and which one a person means."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mvsdk.probe.errors import ManyProbesError, NoProbeError, ProbeFailedError, PyocdMissingError

if TYPE_CHECKING:
    from pyocd.probe.debug_probe import DebugProbe

    from mvsdk.debug_port.announcements import Announcement
    from mvsdk.debug_port.messages import Welcome

_HOW_TO_CONNECT = "connect a board, or start an emulated one: mvsdk emulate --bare --device NAME"


@dataclass(frozen=True, slots=True)
class FoundProbe:
    """A debug probe that is connected, and what is known of the board behind it."""

    uid: str
    """What names it: `emulator:NAME`, or a serial number."""
    product: str
    board: str | None
    """The board of mvsdk that is behind it, if that is known; of most probes it is not."""
    part: str | None
    """The chip behind it, as pyOCD calls it, if the probe tells."""
    image: str | None
    """What it runs, if that is known."""
    probe: DebugProbe
    """pyOCD's."""

    announcement: Announcement | None = None
    """Where an emulated device listens."""

    @property
    def emulated(self) -> bool:
        """Whether it is an emulated device."""
        return self.announcement is not None


def find_probes() -> list[FoundProbe]:
    """Return all probes, emulated ones first, each sort by its name. Raises `PyocdMissingError`."""
    logging.getLogger("pyocd").addHandler(logging.NullHandler())
    try:
        from pyocd.core import exceptions
        from pyocd.core.helpers import ConnectHelper
    except ImportError as error:
        raise PyocdMissingError from error
    from mvsdk.probe.emulated_probe import EmulatorPlugin

    _make_known(EmulatorPlugin())
    try:
        probes = ConnectHelper.get_all_connected_probes(blocking=False, print_wait_message=False)
    except exceptions.Error as error:
        raise ProbeFailedError(f"the probes cannot be listed: {error}", "disconnect and connect them again") from error
    return sorted((_found(probe) for probe in probes), key=lambda found: (not found.emulated, found.uid))


def device_probe(announcement: Announcement, welcome: Welcome) -> FoundProbe:
    """Return the probe of a running emulated device."""
    # pyOCD imports its plug-ins, ours among them, while it is imported: so it comes first.
    import pyocd.probe.aggregator  # noqa: F401

    from mvsdk.probe.emulated_probe import EmulatedProbe

    return _found(EmulatedProbe(announcement, welcome))


def choose(probes: Sequence[FoundProbe], uid: str | None, board: str | None = None) -> FoundProbe:
    """Return the one probe that is meant.

    `uid` names it, or is a part of one probe's serial number. Without it the one probe is meant behind which `board`
    is or may be. Raises `NoProbeError`, and `ManyProbesError` if several would do.
    """
    if uid is not None:
        exact = [probe for probe in probes if probe.uid.lower() == uid.lower()]
        fitting = exact or [probe for probe in probes if not probe.emulated and uid.lower() in probe.uid.lower()]
    else:
        fitting = [probe for probe in probes if board is None or probe.board in {board, None}]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(probe.uid for probe in fitting or probes)
    if fitting:
        what = "several probes would do" if uid is None else f"{uid!r} fits several probes"
        raise ManyProbesError(f"{what}: {names}", "say which one: --probe UID")
    if uid is not None:
        raise NoProbeError(f"there is no probe {uid!r}; there are: {names or 'none'}", _HOW_TO_CONNECT)
    if probes:
        raise NoProbeError(f"no probe has a {board} behind it; there are: {names}", "say which one: --probe UID")
    raise NoProbeError("no probe is connected", _HOW_TO_CONNECT)


def _make_known(plugin: Any) -> None:  # noqa: ANN401 - EmulatorPlugin
    """Have pyOCD look for emulated devices even where its plug-ins are not installed, as in a source checkout."""
    from pyocd.probe.aggregator import PROBE_CLASSES

    PROBE_CLASSES.setdefault(plugin.name, plugin.load())


def _found(probe: Any) -> FoundProbe:  # noqa: ANN401 - pyOCD's
    from mvsdk.probe.emulated_probe import EmulatedProbe
    from mvsdk.probe.targets import chip

    info = probe.associated_board_info
    part = None if info is None else info.target
    announcement = None
    if isinstance(probe, EmulatedProbe):
        announcement = probe.announcement
        board: str | None = probe.welcome.board
        image = probe.welcome.image or None
    else:
        board = chip()["boards"][0] if part in chip()["parts"] else None
        image = None
    return FoundProbe(
        probe.unique_id, f"{probe.vendor_name} {probe.product_name}", board, part, image, probe, announcement
    )
