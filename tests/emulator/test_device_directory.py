"""Laws of a device's folder: it lasts, it has one user at a time, and damage is named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator.bus_devices import SpiEeprom
from mvsdk.emulator.bus_devices.eeprom import Instruction
from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import Device, End
from mvsdk.emulator.device_directory import DeviceDirectory, MemoryFile
from mvsdk.emulator.errors import DeviceDirectoryError, DeviceInUseError
from mvsdk.emulator.events import Event, LogLine
from mvsdk.emulator.nor_flash import chip_facts
from mvsdk.emulator.options import Connection
from mvsdk.emulator.saving import load, save
from tests.emulator.bus_devices.place import spi
from tests.emulator.bus_guests import SPI_EEPROM
from tests.emulator.chip_guests import ALARM_CLOCK, BOARD, guest
from tests.emulator.examples import EXAMPLES

COUNTER = """
int main(void)
{
    MvExternalFlashHandle flash = 0;
    uint8_t starts = 0;
    uint8_t text[] = "starts: 0";
    log_start();
    (void)mvExternalFlashOpen(&flash);
    for (uint32_t address = 0;; address++) {
        (void)mvExternalFlashReadBlocking(flash, address, 1, &starts);
        if (starts == 0xFFu) {
            starts = 0;
            (void)mvExternalFlashWriteBlocking(flash, address, 1, &starts);
            text[8] = (uint8_t)('1' + address);
            break;
        }
    }
    log_text((const char *)text);
    for (;;) { __asm volatile("wfi"); }
}
"""


def start(folder: Path) -> tuple[list[str], str, bytes]:
    """Run the counter on a folder's device; return what it logged, and who it was."""
    events: list[Event] = []
    with DeviceDirectory(folder, BOARD) as directory:
        device = Device(
            BOARD,
            guest(COUNTER),
            new_core(),
            identity=directory.identity,
            external_flash=directory.external_flash,
            observers=[events.append, directory.observe],
        )
        directory.attach(device)
        assert device.run() is End.ASLEEP
        device.rcc.registers["BDCR"] += 1
    logged = [event.text for event in events if isinstance(event, LogLine)]
    return logged, device.identity.device_id, device.identity.unique_id


def test_a_device_lasts(tmp_path: Path) -> None:
    """Flash, identity and backup registers are there again in the next process's life of the device."""
    first, second, third = (start(tmp_path / "device") for _ in range(3))
    assert [run[0] for run in (first, second, third)] == [["starts: 1"], ["starts: 2"], ["starts: 3"]]
    assert first[1:] == second[1:]
    kept = json.loads((tmp_path / "device" / "backup-domain.json").read_text())
    fresh = EXAMPLES["hello"].device([]).rcc.registers["BDCR"]
    assert kept["own"]["RCC"]["BDCR"] == fresh + 3


def test_the_clock_goes_on_from_where_it_stood(tmp_path: Path) -> None:
    """The calendar, set in one life, shows the same second in the next, and its alarm ends the sleep of that one."""
    logged: list[str] = []
    for seconds in (6, 20):
        events: list[Event] = []
        with DeviceDirectory(tmp_path, BOARD) as directory:
            device = Device(BOARD, guest(ALARM_CLOCK), new_core(), observers=[events.append])
            directory.attach(device)
            device.run(seconds * 1_000_000)
        logged += [event.text for event in events if isinstance(event, LogLine)]
    assert logged == ["clock not set", "23:59:55 30", "00:00:00 01"]


@settings(max_examples=30)
@given(running=st.booleans(), ticks=st.integers(0, 10**9), data=st.data())
def test_a_calendar_that_was_kept_counts_on(running: bool, ticks: int, data: st.DataObject) -> None:
    """A clock that had its oscillator has it again, one that had none stands, and both show what they showed."""
    kept, fresh = EXAMPLES["hello"].device([]), EXAMPLES["hello"].device([])
    if running:
        kept.rcc.poke(0xF0, 0, 1 | 1 << 8 | 1 << 15)
    kept.run(data.draw(st.integers(1, 2_000)))
    state: Any = save(kept.chip.backup_domain)
    state["own"]["calendar"]["ticks"] += ticks
    load(fresh.chip.backup_domain, state)
    assert save(fresh.chip.backup_domain) == state
    fresh.run(2_000_000)
    after: Any = save(fresh.chip.backup_domain)
    counted = after["own"]["calendar"]["ticks"] - state["own"]["calendar"]["ticks"]
    assert counted in ((65_535, 65_536) if running else (0,))


def test_what_bus_devices_keep_lasts(tmp_path: Path) -> None:
    """A write of the guest to an EEPROM that is connected by a name is in the folder, and in the next life's device."""
    contents = []
    for bundle in (SPI_EEPROM, "int main(void) { for (;;) { } }"):
        with DeviceDirectory(tmp_path, BOARD) as directory:
            device = Device(BOARD, guest(bundle), new_core(), storage_for=directory.storage_for)
            device.connect(Connection("../me", "25lc256", "SPI1", select="PA4"))
            device.connect(Connection("spare", "24lc256", "I2C1", 0x50))
            directory.attach(device)
            device.run(100_000)
            memory = device.bus_devices["../me"]
            assert isinstance(memory, SpiEeprom)
            contents.append(spi(memory, Instruction.READ, 0, 8, *bytes(4))[3:])
    assert contents == [b"kept", b"kept"]
    assert [file.name for file in (tmp_path / "bus-devices").iterdir()] == ["..%2Fme.bin"]


def test_a_memory_of_another_size_is_named(tmp_path: Path) -> None:
    """The file is named, and what to do about it."""
    (tmp_path / "bus-devices").mkdir()
    (tmp_path / "bus-devices" / "memory.bin").write_bytes(bytes(10))
    with DeviceDirectory(tmp_path, BOARD) as directory:
        device = Device(BOARD, guest("int main(void) { for (;;) { } }"), new_core(), storage_for=directory.storage_for)
        with pytest.raises(DeviceDirectoryError, match=r"memory\.bin is not 32768 bytes long"):
            device.connect(Connection("memory", "24lc256", "I2C1", 0x50))


def test_two_folders_are_two_devices(tmp_path: Path) -> None:
    """Every new folder is a device of its own."""
    with DeviceDirectory(tmp_path / "a", BOARD) as one, DeviceDirectory(tmp_path / "b", BOARD) as other:
        assert one.identity.device_id != other.identity.device_id
        assert one.identity.unique_id != other.identity.unique_id


def test_a_second_user_is_told_who_the_first_is(tmp_path: Path) -> None:
    """While one process has the folder another one is refused, with the first one's id."""
    code = (
        "import sys, pathlib, mvsdk.boards as b, mvsdk.emulator.device_directory as d\n"
        "held = d.DeviceDirectory(pathlib.Path(sys.argv[1]), b.load())\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "device"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(DeviceInUseError, match=str(holder.pid)):
        DeviceDirectory(tmp_path / "device", BOARD)
    holder.kill()
    holder.wait()
    holder.stdin.close()
    holder.stdout.close()
    with DeviceDirectory(tmp_path / "device", BOARD) as again:
        assert (tmp_path / "device" / "lock").read_text().strip() != str(holder.pid)
        assert again.identity


def test_a_lock_of_a_process_that_is_gone_does_not_hold(tmp_path: Path) -> None:
    """A file that names somebody is no lock by itself."""
    (tmp_path / "lock").write_text("99999999\n")
    DeviceDirectory(tmp_path, BOARD).close()


def test_crashes_are_numbered(tmp_path: Path) -> None:
    """Every fault leaves a report that says what it was about."""
    crashing = 'int main(void) { __asm volatile("udf #0"); }'
    for _ in range(2):
        with DeviceDirectory(tmp_path, BOARD) as directory:
            device = Device(BOARD, guest(crashing), new_core(), observers=[directory.observe])
            assert device.run() is End.FAULT
    reports = sorted((tmp_path / "crash-reports").iterdir())
    assert [report.name for report in reports] == ["1.json", "2.json"]
    assert json.loads(reports[0].read_text())["causes"]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("identity.toml", "format = 2\n"),
        ("identity.toml", "="),
        ("identity.toml", 'format = 1\nboard = "other"\n'),
        ("identity.toml", 'format = 1\nboard = "stm32u585"\n'),
        ("identity.toml", 'format = 1\nboard = "stm32u585"\ndevice_id = "x"\nunique_id = ""\n'),
        ("identity.toml", 'format = 1\nboard = "stm32u585"\ndevice_id = 1\nunique_id = 2\n'),
        ("external-flash.bin", "short"),
        ("backup-domain.json", "[1"),
        ("backup-domain.json", '{"own": {"NOSUCH": {}}}'),
        ("backup-domain.json", '{"own": {"RCC": {"CR": 1}}}'),
        ("backup-domain.json", '{"own": {"RCC": {"BDCR": -1}}}'),
        ("backup-domain.json", '{"own": {"RTC": {"NOSUCH": 1}}}'),
        ("backup-domain.json", '{"own": {"TAMP": {"BKP0R": 4294967296}}}'),
        ("backup-domain.json", '{"own": {"TAMP": []}}'),
        ("backup-domain.json", '{"own": {"calendar": {"ticks": 1}}}'),
        ("kernel.json", '{"object": {"_settings": 5}}'),
    ],
)
def test_a_damaged_folder_is_refused(tmp_path: Path, file: str, content: str) -> None:
    """What cannot be read is an error that names the file or the folder, and the lock is given back."""
    (tmp_path / file).write_text(content)
    with pytest.raises(DeviceDirectoryError, match=str(tmp_path)), DeviceDirectory(tmp_path, BOARD) as directory:
        directory.attach(EXAMPLES["hello"].device([]))
    (tmp_path / file).unlink()
    DeviceDirectory(tmp_path, BOARD).close()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """A path that is a file is no folder."""
    (tmp_path / "file").write_text("")
    with pytest.raises(DeviceDirectoryError):
        DeviceDirectory(tmp_path / "file", BOARD)


@settings(max_examples=30)
@given(writes=st.lists(st.tuples(st.integers(0, 60_000), st.binary(min_size=1, max_size=9_000)), max_size=6))
def test_flash_in_a_file_is_flash_in_memory(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[int, bytes]]
) -> None:
    """Whatever is written, the file gives what memory would, also when opened anew."""
    facts = chip_facts()
    path = tmp_path_factory.mktemp("flash") / "flash.bin"
    file, memory = MemoryFile(path, facts.application_size), bytearray(b"\xff" * 80_000)
    for start_at, data in writes:
        where = slice(start_at, start_at + len(data))
        file[where] = data
        memory[where] = data
    everything = slice(0, 80_000)
    assert file[everything] == memory[everything]
    file.close()
    reopened = MemoryFile(path, facts.application_size)
    assert reopened[everything] == memory[everything]
    reopened.close()
