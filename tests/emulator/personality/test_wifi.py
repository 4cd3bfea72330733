"""Laws of the Wi-Fi configuration. No failures are published for these calls: every refusal here is inferred."""

from __future__ import annotations

import pytest

from mvsdk.testing import Call, ScriptedCore
from tests.emulator.personality.kernel import (
    ABI,
    FLASH,
    RAM,
    Guest,
    Kernel,
    call,
    one_call,
    status_name,
    word,
    words,
)

CONFIG, OUT, SSID, PASSWORD, NAME, LENGTH, FLAG = (RAM + 0x100 * number for number in range(7))
APPLY, CLEAR = (ABI.enums["MvWifiConfigMode"].members["MV_WIFICONFIGMODE_" + name] for name in ("APPLYNOW", "CLEARNOW"))
BAD = 0x4000_0000


def config(
    version: int = 1,
    mode: int = APPLY,
    ssid: tuple[int, int] = (SSID, 4),
    password: tuple[int, int] = (PASSWORD, 8),
) -> dict[int, bytes]:
    """Lay out the parameters of mvSetWifiConfig."""
    fields = {"version": version, "v1.config_mode": mode}
    for name, (data, length) in (("wifi_ssid", ssid), ("wifi_password", password)):
        fields |= {f"v1.{name}.data": data, f"v1.{name}.length": length}
    return {CONFIG: ABI.structs["MvWifiConfig"].pack(fields)}


def get(core: ScriptedCore, size: int = 32, version: int = 1) -> Call:
    """Ask for the settings."""
    core.write_memory(OUT, words(version, NAME, size, LENGTH, FLAG))
    return call("mvGetWifiConfig", OUT)


@pytest.mark.parametrize(("password", "flag"), [(b"secret12", 1), (b"", 0)])
def test_what_was_set_is_told_without_the_password(password: bytes, flag: int) -> None:
    """The SSID, its length and one byte for encryption come back; the password is nowhere in memory."""
    dumps: list[bytes] = []

    def guest(core: ScriptedCore) -> Guest:
        core.write_memory(SSID, b"home")
        core.write_memory(PASSWORD, password)
        core.write_memory(CONFIG, config(password=(PASSWORD, len(password)))[CONFIG])
        assert (yield call("mvSetWifiConfig", CONFIG)) == 0
        core.write_memory(PASSWORD, bytes(16))
        core.write_memory(FLAG, b"\xaa" * 4)
        assert (yield get(core)) == 0
        dumps.append(core.read_memory(RAM, 0x1000))

    Kernel(guest)
    memory = dumps[0]
    assert memory[NAME - RAM :][:6] == b"home\0\0"
    assert memory[LENGTH - RAM :][:4] == words(4)
    assert memory[FLAG - RAM :][:4] == bytes([flag]) + b"\xaa" * 3
    assert b"secret12" not in memory


def test_without_settings_the_ssid_is_empty() -> None:
    """A fresh device and one whose settings were cleared have an SSID of length 0; clearing looks at nothing else."""
    lengths: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        core.write_memory(LENGTH, words(99))
        yield get(core, size=0)
        lengths.append(word(core, LENGTH))
        core.write_memory(CONFIG, config()[CONFIG])
        yield call("mvSetWifiConfig", CONFIG)
        yield get(core)
        lengths.append(word(core, LENGTH))
        core.write_memory(CONFIG, config(mode=CLEAR, ssid=(BAD, 999), password=(BAD, 999))[CONFIG])
        assert (yield call("mvSetWifiConfig", CONFIG)) == 0
        yield get(core)
        lengths.append(word(core, LENGTH))

    Kernel(guest)
    assert lengths == [0, 4, 0]


def test_settings_outlive_a_restart() -> None:
    """They are the device's, not the application's."""
    lengths: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        yield get(core)
        lengths.append(word(core, LENGTH))
        if len(lengths) == 1:
            core.write_memory(CONFIG, config()[CONFIG])
            yield call("mvSetWifiConfig", CONFIG)
            yield call("mvRestart", 0)

    Kernel(guest)
    assert lengths == [0, 4]


@pytest.mark.parametrize(
    ("memory", "status"),
    [
        (config(ssid=(SSID, 32), password=(FLASH, 64)), "OKAY"),
        (config(ssid=(SSID, 4), password=(0, 0)), "OKAY"),
        (config(version=0, mode=9), "UNSUPPORTEDSTRUCTUREVERSION"),
        (config(version=2), "UNSUPPORTEDSTRUCTUREVERSION"),
        (config(mode=2, ssid=(SSID, 33)), "PARAMETERFAULT"),
        (config(ssid=(BAD, 33)), "PARAMETERFAULT"),
        (config(ssid=(SSID, 33), password=(BAD, 1)), "INPUTTOOLONG"),
        (config(password=(BAD, 65)), "PARAMETERFAULT"),
        (config(password=(PASSWORD, 65)), "INPUTTOOLONG"),
        (config(ssid=(0xFFFF_FFF0, 0x20)), "PARAMETERFAULT"),
    ],
)
def test_setting_refuses_the_first_bad_field(memory: dict[int, bytes], status: str) -> None:
    """Version, mode, then SSID and password: each a pointer, then its length."""
    assert one_call("mvSetWifiConfig", CONFIG, memory=memory) == status


def test_a_refused_set_changes_nothing() -> None:
    """After a refusal the settings are those of before."""
    lengths: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        for memory in (config(), config(ssid=(SSID, 5), password=(BAD, 1))):
            core.write_memory(CONFIG, memory[CONFIG])
            yield call("mvSetWifiConfig", CONFIG)
        yield get(core)
        lengths.append(word(core, LENGTH))

    Kernel(guest)
    assert lengths == [4]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ((1, NAME, 4, LENGTH, FLAG), "OKAY"),
        ((0, NAME, 4, LENGTH, FLAG), "UNSUPPORTEDSTRUCTUREVERSION"),
        ((2, 0, 4, 0, 0), "UNSUPPORTEDSTRUCTUREVERSION"),
        ((1, FLASH, 4, LENGTH, FLAG), "PARAMETERFAULT"),
        ((1, NAME, 4, 0, FLAG), "PARAMETERFAULT"),
        ((1, NAME, 3, LENGTH, BAD), "PARAMETERFAULT"),
        ((1, NAME, 3, LENGTH, FLAG), "INVALIDBUFFERSIZE"),
        ((1, 0, 0, LENGTH, FLAG), "INVALIDBUFFERSIZE"),
    ],
)
def test_asking_refuses_the_first_bad_field(fields: tuple[int, ...], status: str) -> None:
    """Version, then every pointer, then the room for an SSID of four bytes; a refusal writes nothing."""
    statuses: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        core.write_memory(CONFIG, config()[CONFIG])
        yield call("mvSetWifiConfig", CONFIG)
        core.write_memory(LENGTH, words(99))
        core.write_memory(OUT, words(*fields))
        statuses.append((yield call("mvGetWifiConfig", OUT)))
        statuses.append(word(core, LENGTH))

    Kernel(guest)
    assert status_name(statuses[0]) == status
    assert statuses[1] == (4 if status == "OKAY" else 99)


@pytest.mark.parametrize("name", ["mvSetWifiConfig", "mvGetWifiConfig"])
def test_the_struct_itself_must_be_the_applications(name: str) -> None:
    """A struct outside the application's memory is a PARAMETERFAULT."""
    for pointer in (0, BAD, RAM + 0x8_0000 - 4, 0xFFFF_FFF0):
        assert one_call(name, pointer) == "PARAMETERFAULT"
