"""The network: mvRequestNetwork, mvReleaseNetwork, mvGetNetworkStatus, mvGetNetworkReasons.

The kernel is online by itself until the application first asks for the network. From then on the application decides:
the connection is held while it holds a handle, and for the manifest's grace time after the last; a device that is
offline goes online for a moment whenever the manifest's check-in time is over. Without a check-in time it tries to
stay online (inferred, as is all that the manifest's two times mean in detail).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from mvsdk.abi import Abi
from mvsdk.bundle import ManifestOptions
from mvsdk.emulator.personality import Host
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused, answers
from mvsdk.emulator.personality.microvisor.circumstances import Circumstances
from mvsdk.emulator.personality.microvisor.handles import HandleTable
from mvsdk.emulator.personality.microvisor.notifications import NotificationCentre, Subscriber

VERSION = 1
MOST_HANDLES = 32
"""A maximum is documented, its value is not (inferred)."""
CONNECT_US = 1_000_000
"""From wanting to be online to being so, with a link that is up (inferred)."""
SOON_US = 1_000
"""How soon after a call the kernel acts on it: the application can take a record only once the call has returned."""
CHECK_IN_US = 5_000_000
"""How long a check-in stays online (inferred)."""


class LinkState(enum.Enum):
    """What the world lets the device have."""

    UP = "up"
    NO_SERVER = "no-server"
    """There is a link, but the server does not answer."""
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class ConnectionPolicy:
    """What the manifest says of staying online, in seconds."""

    grace_s: int = 0
    check_in_s: int = 0

    @classmethod
    def of(cls, options: ManifestOptions) -> ConnectionPolicy:
        """Return what a manifest asks for."""
        return cls(options.connection_grace_time_sec, options.minimum_check_in_time_sec)


STAY_ONLINE = ConnectionPolicy()
"""What a manifest asks for that says nothing."""


class NetworkHold(Subscriber):
    """One request of the application to be online."""


class Network:
    """Whether the device is online, and why. `changed` is called whenever the status has changed, `disconnected` when
    the device no longer is online, and with the handle of a hold that was released."""

    STATE: ClassVar[tuple[str, ...]] = (
        "_link",
        "_used",
        "_status",
        "_connected",
        "_soon",
        "_released",
        "_grace",
        "_check_in",
        "_checking",
    )

    def __init__(
        self,
        host: Host,
        abi: Abi,
        handles: HandleTable,
        circumstances: Circumstances,
        policy: ConnectionPolicy,
        changed: Callable[[], None],
    ) -> None:
        self._host = host
        self._params = abi.structs["MvRequestNetworkParams"]
        self._statuses = abi.enums["MvNetworkStatus"].members
        self._reasons = abi.enums["MvNetworkReason"].members
        self._changed = abi.enums["MvEventType"].members["MV_EVENTTYPE_NETWORKSTATUSCHANGED"]
        self._handles = handles
        self._circumstances = circumstances
        self.policy = policy
        """When to be online, as the manifest says."""
        self._tell = changed
        self.disconnected: Callable[[int | None], None] = lambda _handle: None
        self._link = LinkState.UP
        self._used = False
        self._status = "CONNECTED"
        self._connected = host.alarm(lambda _: self._settle(connected=True))
        self._soon = host.alarm(lambda _: self._act())
        self._released: list[int] = []
        """Holds whose channels are to be closed."""
        self._grace = host.alarm(lambda _: self._settle())
        self._check_in = host.alarm(lambda _: self._begin_check_in())
        self._checking = host.alarm(lambda _: self._settle())
        handles.keep("network", NetworkHold, NetworkHold)

    def start(self) -> None:
        """Begin an application's life: it has not used the network yet, and the kernel is online if it can be
        (inferred: samples find it connected)."""
        self._used = False
        self._status = "CONNECTED"
        self._settle()

    def stop(self) -> None:
        """End an application's life: nothing is held for it any more."""
        for alarm in (self._connected, self._soon, self._grace, self._check_in, self._checking):
            alarm.set(None)
        self._released.clear()

    @property
    def online(self) -> bool:
        """Whether the device is connected to the cloud."""
        return self._status == "CONNECTED"

    @property
    def active(self) -> bool:
        """Whether the network is kept up for the application's sake, now or for the rest of its grace time."""
        return self._held or self._grace.due is not None

    @property
    def link(self) -> LinkState:
        """What the world lets the device have. Setting it may connect or disconnect the device."""
        return self._link

    @link.setter
    def link(self, state: LinkState) -> None:
        self._link = state
        self._settle()

    @property
    def _held(self) -> bool:
        return next(self._handles.all(NetworkHold), None) is not None

    @property
    def _wanted(self) -> bool:
        stays = not self._used or not self.policy.check_in_s
        return stays or self._held or self._grace.due is not None or self._checking.due is not None

    def _settle(self, *, connected: bool = False) -> None:
        """Be what wishes and link allow; `connected` says that connecting has just succeeded."""
        if not self._wanted:
            self._become("DELIBERATELYOFFLINE")
        elif self._link is LinkState.DOWN:
            self._become("CONNECTING")
        elif self._link is LinkState.NO_SERVER:
            self._become("DISCONNECTEDWITHLINKUP")
        elif connected or self.online:
            self._become("CONNECTED")
        elif self._connected.due is None:
            self._become("CONNECTING")
            self._connected.set(self._host.cycle_after(CONNECT_US))
        self._await_check_in()

    def _act(self) -> None:
        """Do what calls have asked for."""
        released, self._released = self._released, []
        for hold in released:
            self.disconnected(hold)
        self._settle()

    def _become(self, status: str) -> None:
        if status != "CONNECTING" or self._link is not LinkState.UP:
            self._connected.set(None)
        if status == self._status:
            return
        was_online, self._status = self.online, status
        for hold in list(self._handles.all(NetworkHold)):
            hold.post(self._handles, self._changed)
        self._tell()
        if was_online:
            self.disconnected(None)

    def _await_check_in(self) -> None:
        if self._status != "DELIBERATELYOFFLINE":
            self._check_in.set(None)
        elif self._check_in.due is None:
            self._check_in.set(self._host.cycle_after(self.policy.check_in_s * 1_000_000))

    def _begin_check_in(self) -> None:
        self._checking.set(self._host.cycle_after(CONNECT_US + CHECK_IN_US))
        self._settle()

    @answers("mvRequestNetwork")
    def request(self, params: GuestPointer, handle_out: GuestPointer) -> None:
        """Hold the network. A bad centre is a bad member of the parameters (inferred: no INVALIDHANDLE is listed)."""
        fields = self._params.unpack(params.read())
        if fields["version"] != VERSION:
            raise Refused("UNSUPPORTEDSTRUCTUREVERSION")
        centre = fields["v1.notification_handle"]
        if not self._handles.holds(centre, NotificationCentre):
            raise Refused("PARAMETERFAULT")
        if sum(1 for _ in self._handles.all(NetworkHold)) >= MOST_HANDLES:
            raise Refused("PARAMETERFAULT")
        handle_out.write_word(self._handles.add(NetworkHold(centre, fields["v1.notification_tag"])))
        self._used = True
        self._grace.set(None)
        self._soon.set(self._host.cycle_after(SOON_US))

    @answers("mvReleaseNetwork")
    def release(self, handle: GuestPointer) -> None:
        """Let go of the network; channels that were opened with this handle are disconnected."""
        number = handle.read_word()
        self._handles.remove(number, NetworkHold)
        handle.write_word(0)
        self._released.append(number)
        if not self._held and self.policy.grace_s:
            self._grace.set(self._host.cycle_after(self.policy.grace_s * 1_000_000))
        self._soon.set(self._host.cycle_after(SOON_US))

    @answers("mvGetNetworkStatus")
    def status(self, handle: int, out: GuestPointer) -> None:
        """Say what is so at this instant."""
        self._handles.find(handle, NetworkHold)
        out.write_word(self._statuses["MV_NETWORKSTATUS_" + self._status])

    @answers("mvGetNetworkReasons")
    def reasons(self, out: GuestPointer, count_out: GuestPointer) -> None:
        """Say why the device wants to be online, and how many holds there are."""
        holds = sum(1 for _ in self._handles.all(NetworkHold))
        found = {
            "USINGNETWORK": holds > 0,
            "NEVERUSEDNETWORKAPI": not self._used,
            "MINIMUMCHECKINEXPIRED": self._checking.due is not None,
            "RTCNOTSET": not self._circumstances.wall_time_known,
            "FETCHINGUPDATE": self._circumstances.kernel_busy,
        }
        out.write_word(sum(self._reasons["MV_NETWORKREASON_" + name] for name, holds_so in found.items() if holds_so))
        count_out.write_word(holds)
