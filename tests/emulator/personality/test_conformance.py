"""Every status that is documented for a call happens when its cause does, and of two causes the first one listed wins.

`conformance.csv` says for each call what makes it succeed, and for each of its statuses what then has to be different.
An item of a situation is `name=value`: a register; a field of the struct behind `params`; the context; or a state, such
as `log=2048`, that is brought about before the call. A value is a number or a place in memory; `*place` is the word
that the guest finds there. `unreadable` and `unwritable` stand for every hostile pointer in turn, `outside` for those
that are wrong for a single byte, too.
"""

from __future__ import annotations

import csv
import functools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import pytest

from mvsdk.abi import Struct, Syscall
from mvsdk.emulator.device import Device, End
from mvsdk.emulator.network.exchanges import (
    Answer,
    ConfigAnswer,
    HttpAnswer,
    Lost,
    MqttConnected,
    MqttDisconnected,
    MqttMessage,
    MqttPublished,
    MqttSubscribed,
    MqttUnsubscribed,
)
from mvsdk.emulator.nor_flash import NorFlash
from mvsdk.emulator.personality.microvisor.network import LinkState
from mvsdk.testing import ScriptedCore
from tests.emulator.personality.kernel import ABI, BOARD, FLASH, RAM, Guest, Kernel, call, status_name, word, words

Situation = dict[str, str]
OUTSIDE = ("0", "nowhere", "behind", "wrapping", "gateway", "peripheral", "private")
HOSTILE = {"outside": OUTSIDE, "unreadable": (*OUTSIDE, "across"), "unwritable": (*OUTSIDE, "across", "flash")}
IMPOSSIBLE = {
    ("mvExternalFlashEraseBlocking", "PARAMETERFAULT"): "the call has no pointer",
    ("mvReleaseNetwork", "UNSUPPORTEDSTRUCTUREVERSION"): "the call takes no struct",
    ("mvOpenChannel", "UNAVAILABLE"): "nothing else keeps a channel from being opened",
    ("mvWriteChannel", "LATEFAULT"): "the pointer is looked at before any data is written",
    ("mvWriteChannelStream", "LATEFAULT"): "the pointer is looked at before any data is written",
    ("mvMqttReadConnectResponse", "LATEFAULT"): "the struct holds no pointers",
    ("mvMqttReadPublishResponse", "LATEFAULT"): "the struct holds no pointers",
    ("mvMqttReadDisconnectResponse", "LATEFAULT"): "the struct holds no pointers",
}
LATE = {("mvWriteChannel", "INVALIDBUFFERSIZE"): "whether data fits is known only of a channel that is open"}
"""Statuses that come after all others, whatever their place in the list."""
NO_RETURN = {"mvRestart", "mvDeepSleep", "mvTestingComplete"}
"""Calls whose success ends the application's life."""
PLACES = {
    "ram": RAM,
    "zero": RAM + 0x18,
    "out": RAM + 0x200,
    "params": RAM + 0x300,
    "text": RAM + 0x400,
    "array": RAM + 0x1000,
    "credentials": RAM + 0x1200,
    "will": RAM + 0x1300,
    "buffer": RAM + 0x4000,
    "log_buffer": RAM + 0x6000,
    "ring": RAM + 0x8000,
    "other_ring": RAM + 0xA000,
    "receive": RAM + 0x10000,
    "send": RAM + 0x11000,
    "other_receive": RAM + 0x12000,
    "other_send": RAM + 0x16000,
    "table_in_ram": RAM + 0xC000,
    "item": RAM + 0x18000,
    "key": RAM + 0x19000,
    "nowhere": 0x3000_0000,
    "across": RAM + BOARD.ram.size - 2,
    "behind": RAM + BOARD.ram.size,
    "wrapping": 0xFFFF_FFFE,
    "gateway": 0x0C1F_E000,
    "peripheral": 0x4202_0000,
    "private": 0xE000_ED00,
    "flash": FLASH,
    "rcc": 0x4602_0C00,
    "kernels": min(BOARD.kernel_interrupts),
    "area": NorFlash(None).facts.application_size,
}
OBJECTS = {
    "centre": RAM + 0x10,
    "opened": RAM + 0x14,
    "stream": RAM + 0x1C,
    "network": RAM + 0x20,
    "channel": RAM + 0x24,
}
"""Where the guest keeps the handles of the objects it has before every call, or in situations that name them."""
PLACES |= OBJECTS
USABLE = [irq for irq in BOARD.interrupts if irq not in BOARD.kernel_interrupts and irq > 62]
CENTRES = {
    "ring": [(62, PLACES["ring"])],
    "buffer": [(62, PLACES["buffer"])],
    "many": [(irq, PLACES["other_ring"] + 32 * index) for index, irq in enumerate(USABLE[:31])],
}
"""Interrupts and rings of the centres that a situation has beside the usual one; else one on interrupt 51."""


@dataclass
class Conformance:
    """One call: what makes it succeed, and what for each status has to be different."""

    syscall: Syscall
    good: Situation
    causes: dict[str, list[Situation]] = field(default_factory=lambda: defaultdict(list))

    @property
    def order(self) -> list[str]:
        """The statuses of the call's list in the order in which they are found."""
        documented = [status.name.removeprefix("MV_STATUS_") for status in self.syscall.statuses]
        found = [status for status in documented if status in self.causes]
        return sorted(found, key=lambda status: (self.syscall.name, status) in LATE)


def _parse(text: str) -> Situation:
    return dict(item.split("=", 1) for item in text.split())


@functools.cache
def table() -> dict[str, Conformance]:
    """Read the table."""
    found: dict[str, Conformance] = {}
    with Path(__file__).with_name("conformance.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            situation = _parse(row["situation"])
            if row["status"] == "OKAY":
                found[row["call"]] = Conformance(ABI.syscalls[row["call"]], situation)
            else:
                found[row["call"]].causes[row["status"]].append(situation)
    return found


def expanded(situation: Situation) -> Iterator[Situation]:
    """Return the situation with every hostile pointer for what it calls unreadable or unwritable."""
    for name, value in situation.items():
        if value in HOSTILE:
            yield from (situation | {name: pointer} for pointer in HOSTILE[value])
            return
    yield situation


def number(core: ScriptedCore, value: str) -> int:
    """Return the number that a value of the table stands for."""
    if value.startswith("*"):
        return word(core, PLACES[value[1:]])
    base, sign, offset = value.partition("+") if "+" in value else value.partition("-")
    start = PLACES[base] if base in PLACES else int(base, 0)
    return start + (int(offset) if sign == "+" else -int(offset)) if sign else start


class Scene:
    """A device brought into a situation, and the status of the call that is made in it; None if it did not return."""

    def __init__(self, call_name: str, situation: Situation) -> None:
        self.name, self.situation = call_name, situation
        self.status: str | None = None
        self._device: Device | None = None
        self.kernel = Kernel(
            self._guest, testing=situation.get("testing") == "1", until_us=1_000_000, prepare=self._prepare
        )

    def _prepare(self, device: Device) -> None:
        self._device = device

    def _flag(self, name: str, default: bool) -> bool:
        return self.situation.get(name, str(int(default))) == "1"

    def _guest(self, core: ScriptedCore) -> Guest:
        if core.resets > 1:
            return
        core.enabled.add(60)
        core.pend(60)  # so that no sleep lasts
        core.write_memory(PLACES["table_in_ram"], words(*[FLASH + 0x41] * 141))
        core.vector_table = PLACES["table_in_ram"]
        yield from self._objects(core)
        yield from self._states(core)
        self._surroundings(core)
        self._parameters(core)
        core.exception = 16 if self.situation.get("context") == "handler" else 0
        registers = [number(core, self.situation.get(f"r{index}", "0")) & 0xFFFF_FFFF for index in range(4)]
        self.status = status_name((yield call(self.name, *registers)))

    def _objects(self, core: ScriptedCore) -> Guest:
        """Have one object of each kind."""
        core.write_memory(PLACES["params"], words(61, RAM + 0xF000, 64))
        yield from self._must(call("mvSetupNotifications", PLACES["params"], OBJECTS["centre"]))
        yield from self._must(call("mvExternalFlashOpen", OBJECTS["opened"]))
        core.write_memory(PLACES["params"], words(word(core, OBJECTS["centre"]), 1, 0))
        yield from self._must(call("mvOpenSystemNotification", PLACES["params"], OBJECTS["stream"]))

    def _states(self, core: ScriptedCore) -> Guest:
        """Make the calls that lead to the situation."""
        for name, value in self.situation.items():
            for request in self._requests(core, name, value):
                yield from self._must(request)

    def _requests(self, core: ScriptedCore, name: str, value: str) -> Iterator[object]:
        out = PLACES["out"]
        match name:
            case "log" | "test_log" if value != "0":
                kind = "Test" if name == "test_log" else "Server"
                size = 2048 if value == "filled" else int(value)
                yield call(f"mv{kind}LoggingInit", PLACES["log_buffer"], size)
                yield from [call(f"mv{kind}Log", PLACES["text"], 1024)] * (2 if value == "filled" else 0)
            case "centre":
                for irq, ring in CENTRES.get(value, [(51, PLACES["other_ring"])]):
                    core.write_memory(PLACES["params"], words(irq, ring, 32))
                    yield call("mvSetupNotifications", PLACES["params"], out)
            case "network":
                yield from _network_requests(core, int(value))
            case "channel":
                yield from _channel_request(core, value)
            case "asked":
                yield _exchange_request(core, self.situation["channel"])
            case "mqtt":
                for step in value.split("/"):
                    yield from _mqtt_steps(core, self._device, step)
            case "channels":
                yield from _channel_requests(core, int(value))
            case "opens":
                yield from [call("mvExternalFlashOpen", out)] * int(value)
            case "fast":
                yield call("mvSetFastInterrupt", int(value))
            case "wifi":
                settings = {"version": 1, "v1.wifi_ssid.data": PLACES["text"], "v1.wifi_ssid.length": 10}
                core.write_memory(PLACES["params"], ABI.structs["MvWifiConfig"].pack(settings))
                yield call("mvSetWifiConfig", PLACES["params"])

    def _must(self, request: object) -> Guest:
        status = yield request  # type: ignore[misc]
        assert status == 0, (self.situation, request, status_name(status))

    def _surroundings(self, core: ScriptedCore) -> None:
        assert self._device is not None
        kernel = self._device.kernel
        kernel.circumstances.network_active = self._flag("network_active", False)
        kernel.circumstances.kernel_busy = self._flag("kernel_busy", False)
        kernel.circumstances.server_logging = self._flag("server_logging", True)
        kernel.circumstances.wall_time_known = self._flag("wall_time_known", True)
        if "link" in self.situation:
            kernel.network.link = LinkState(self.situation["link"])
        if self.situation.get("answered", "0") != "0":
            kernel.channels.arrived(_exchange_answer(self.situation))
        if "lost" in self.situation:
            kernel.channels.arrived(Lost(1, "CHANNELRESETBYSERVER"))
        if self._flag("stopping", False):
            kernel.stop_hung_application()
        if "table" in self.situation:
            core.vector_table = PLACES[self.situation["table"]]

    def _parameters(self, core: ScriptedCore) -> None:
        """Lay out the struct that the call is given, and the items that it points at."""
        items = {name[5:]: number(core, value) for name, value in self.situation.items() if name[:5] == "item."}
        if items:
            item = ABI.structs["MvHttpHeader" if self.name == "mvSendHttpRequest" else "MvConfigKeyToFetch"]
            core.write_memory(PLACES["key"], b"k" * 101)
            core.write_memory(PLACES["item"], item.pack(items) * int(self.situation.get("items", "1")))
        fields = {
            name.removeprefix("params."): value for name, value in self.situation.items() if name[:7] == "params."
        }
        structs = [parameter.type.pointee for parameter in ABI.syscalls[self.name].parameters]
        for pointed in structs:
            if pointed is not None and isinstance(pointed.definition, Struct):
                values = {name: number(core, value) & 0xFFFF_FFFF for name, value in fields.items()}
                core.write_memory(PLACES["params"], pointed.definition.pack(values))
        _write_mqtt_parts(core, self.situation)


def _network_requests(core: ScriptedCore, count: int) -> Iterator[object]:
    """Hold the network, once or more often."""
    values = {"version": 1, "v1.notification_handle": word(core, OBJECTS["centre"])}
    core.write_memory(PLACES["params"], ABI.structs["MvRequestNetworkParams"].pack(values))
    yield from [call("mvRequestNetwork", PLACES["params"], OBJECTS["network"])] * count


def _channel_request(
    core: ScriptedCore, kind: str, receive: int = PLACES["receive"], send: int = PLACES["send"]
) -> Iterator[object]:
    """Hold the network and open a channel of a type, "HTTP" or another; its number is 1."""
    if not word(core, OBJECTS["network"]):
        yield from _network_requests(core, 1)
    endpoint = b"somewhere" if kind == "OPAQUEBYTES" else b""
    core.write_memory(PLACES["text"], endpoint)
    values = {
        "version": 1,
        "v1.notification_handle": word(core, OBJECTS["centre"]),
        "v1.network_handle": word(core, OBJECTS["network"]),
        "v1.receive_buffer": receive,
        "v1.receive_buffer_len": 512,
        "v1.send_buffer": send,
        "v1.send_buffer_len": 512,
        "v1.channel_type": ABI.enums["MvChannelType"].members["MV_CHANNELTYPE_" + kind],
        "v1.endpoint.data": PLACES["text"],
        "v1.endpoint.length": len(endpoint),
    }
    core.write_memory(PLACES["params"], ABI.structs["MvOpenChannelParams"].pack(values))
    yield call("mvOpenChannel", PLACES["params"], OBJECTS["channel"])


def _channel_requests(core: ScriptedCore, count: int) -> Iterator[object]:
    """Open so many channels, no more than four of which are there at once."""
    for number in range(count):
        if number >= 4:
            yield call("mvCloseChannel", OBJECTS["channel"])
        slot = min(number, 3) * 0x400
        yield from _channel_request(core, "OPAQUEBYTES", PLACES["other_receive"] + slot, PLACES["other_send"] + slot)


def _exchange_request(core: ScriptedCore, kind: str) -> object:
    """Ask for something on a channel for HTTP or for config: for the URL "", or for one value."""
    handle = word(core, OBJECTS["channel"])
    if kind == "HTTP":
        core.write_memory(PLACES["params"], ABI.structs["MvHttpRequest"].pack({"timeout_ms": 5000}))
        return call("mvSendHttpRequest", handle, PLACES["params"])
    core.write_memory(PLACES["key"], b"key")
    item = {"key.data": PLACES["key"], "key.length": 3}
    core.write_memory(PLACES["item"], ABI.structs["MvConfigKeyToFetch"].pack(item))
    core.write_memory(PLACES["params"], words(1, PLACES["item"]))
    return call("mvSendConfigFetchRequest", handle, PLACES["params"])


def _exchange_answer(situation: Situation) -> Answer:
    """Answer that, with a header and a body of four bytes, or with a value of five."""
    if situation["channel"] == "CONFIGFETCH":
        return ConfigAnswer(1, "OK", (("OK", b"value"),))
    if situation["answered"] == "OK":
        return HttpAnswer(1, "OK", 200, (b"Header: value",), b"body")
    return HttpAnswer(1, situation["answered"])  # type: ignore[arg-type]


MQTT_STEPS: dict[str, tuple[Answer, ...]] = {
    "connected": (MqttConnected(1, "REQUESTCOMPLETED"),),
    "connect-response": (MqttConnected(1, "REQUESTCOMPLETED"),),
    "subscribe-response": (MqttSubscribed(1, 0, "REQUESTCOMPLETED", (0, 1)),),
    "unsubscribe-response": (MqttUnsubscribed(1, 0, "REQUESTCOMPLETED", (0, 0)),),
    "publish-response": (MqttPublished(1, 0, "REQUESTCOMPLETED"),),
    "disconnect-response": (MqttDisconnected(1, "REQUESTCOMPLETED"),),
    "message": (MqttMessage(1, 1, b"a/bc", b"data", 0, False),),
    "lost-message": (MqttMessage(1, 1, b"a/bc", bytes(600), 0, False),),
}
"""What arrives on a channel of type MQTT."""
MQTT_CALLS: dict[str, tuple[str, str, int]] = {
    "asked": ("mvMqttRequestConnect", "MvMqttConnectRequest", 1),
    "connected": ("mvMqttRequestConnect", "MvMqttConnectRequest", 1),
    "connect-response": ("mvMqttRequestConnect", "MvMqttConnectRequest", 1),
    "subscribing": ("mvMqttRequestSubscribe", "MvMqttSubscribeRequest", 1),
    "subscribe-response": ("mvMqttRequestSubscribe", "MvMqttSubscribeRequest", 1),
    "unsubscribing": ("mvMqttRequestUnsubscribe", "MvMqttUnsubscribeRequest", 1),
    "unsubscribe-response": ("mvMqttRequestUnsubscribe", "MvMqttUnsubscribeRequest", 1),
    "publishing": ("mvMqttRequestPublish", "MvMqttPublishRequest", 16),
    "publish-response": ("mvMqttRequestPublish", "MvMqttPublishRequest", 1),
    "disconnecting": ("mvMqttRequestDisconnect", "", 1),
    "acknowledging": ("mvMqttAcknowledgeMessage", "", 64),
}
"""What the application asks for before that: call, struct, how often."""


def _mqtt_steps(core: ScriptedCore, device: Device | None, step: str) -> Iterator[object]:
    """Let a channel of type MQTT come as far as a step says; "connected" has read its response."""
    assert device is not None
    if step in MQTT_CALLS:
        name, struct, count = MQTT_CALLS[step]
        texts = ("host", "clientid") if "Connect" in struct else ("topic",) if "Publish" in struct else ()
        values = {f"{text}.{part}": value for text in texts for part, value in (("data", RAM), ("length", 4))}
        if struct:
            core.write_memory(PLACES["params"], ABI.structs[struct].pack(values))
        yield from [call(name, word(core, OBJECTS["channel"]), PLACES["params"] if struct else 1)] * count
    for answer in MQTT_STEPS.get(step, ()):
        device.kernel.channels.arrived(answer)
    if step == "connected":
        yield call("mvMqttReadConnectResponse", word(core, OBJECTS["channel"]), PLACES["out"])


def _write_mqtt_parts(core: ScriptedCore, situation: Situation) -> None:
    """Lay out what requests point to: an array, "topics:2", whose texts have a `length` and of which the `first` and
    the `second` may lie elsewhere; `credentials` and `will`."""
    for place, struct in (("credentials", "MvTlsCredentials"), ("will", "MvMqttWill")):
        fields = {name.removeprefix(f"{place}."): value for name, value in situation.items() if name.startswith(place)}
        if fields:
            values = {name: number(core, value) & 0xFFFF_FFFF for name, value in fields.items()}
            core.write_memory(PLACES[place], ABI.structs[struct].pack(values))
    if "array" in situation:
        kind, _, count = situation["array"].partition(":")
        struct, prefix = {"texts": ("MvSizedString", ""), "topics": ("MvMqttSubscription", "topic.")}[kind]
        elements = [
            ABI.structs[struct].pack(
                {
                    prefix + "data": number(core, situation.get(where, "text")) & 0xFFFF_FFFF,
                    prefix + "length": int(situation.get("length", "4")),
                }
            )
            for where in ["first", "second", *["others"] * 14][: int(count)]
        ]
        core.write_memory(PLACES["array"], b"".join(elements))


CAUSES = [
    pytest.param(name, status, situation, id=f"{name}-{status}-{'_'.join(f'{k}={v}' for k, v in situation.items())}")
    for name, conformance in table().items()
    for status, situations in conformance.causes.items()
    for situation in situations
]


@pytest.mark.parametrize("name", table())
def test_a_good_call_succeeds(name: str) -> None:
    """With everything as it must be the status is OKAY, or the application's life ends as it asked."""
    scene = Scene(name, table()[name].good)
    if name not in NO_RETURN:
        assert scene.status == "OKAY"
    else:
        assert scene.status is None
        ended = {"mvTestingComplete": End.TESTED}
        assert scene.kernel.end is ended.get(name, End.TIME)


@pytest.mark.parametrize(("name", "status", "situation"), CAUSES)
def test_every_cause_has_its_status(name: str, status: str, situation: Situation) -> None:
    """With this one thing different from a good call, the call says what is documented for it."""
    for each in expanded(situation):
        assert Scene(name, table()[name].good | each).status == status, each


@pytest.mark.parametrize("name", [name for name, conformance in table().items() if len(conformance.order) > 1])
def test_the_first_cause_listed_decides(name: str) -> None:
    """Where two causes hold at once, the status is that of the one that the call's list names first."""
    conformance = table()[name]
    for first, second in combinations(conformance.order, 2):
        for one in conformance.causes[first]:
            for other in conformance.causes[second]:
                if one.keys() & other.keys():
                    continue
                both = next(expanded(one)) | next(expanded(other))
                assert Scene(name, conformance.good | both).status == first, both


def test_the_table_is_complete() -> None:
    """All 72 calls are in the table, with every status of their own list that can occur."""
    assert len(ABI.syscalls) == 72
    assert set(table()) == set(ABI.syscalls)
    with Path(__file__).with_name("undocumented-statuses.csv").open(newline="", encoding="utf-8") as file:
        added = {(row["call"], row["status"]) for row in csv.DictReader(file)}
    documented = {
        (name, status.name.removeprefix("MV_STATUS_"))
        for name in table()
        for status in ABI.syscalls[name].statuses
        if status.name != "MV_STATUS_OKAY"
    }
    proven = {(name, status) for name, conformance in table().items() for status in conformance.causes}
    assert proven | set(IMPOSSIBLE) == documented | added
