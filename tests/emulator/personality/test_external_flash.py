"""Laws of the external flash as the application meets it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.device import Device
from mvsdk.emulator.nor_flash import chip_facts
from mvsdk.testing import Call, ScriptedCore
from tests.emulator.personality.kernel import (
    ABI,
    BOARD,
    FLASH,
    PLAUSIBLE,
    RAM,
    Guest,
    Kernel,
    after_us,
    call,
    one_call,
    status_name,
    word,
    words,
)

FACTS = chip_facts()
SIZE, SECTOR = FACTS.application_size, FACTS.sector_size
HANDLE, INFO, BUFFER = RAM, RAM + 0x40, RAM + 0x1000
READ, WRITE, ERASE = "mvExternalFlashReadBlocking", "mvExternalFlashWriteBlocking", "mvExternalFlashEraseBlocking"
ALL = [READ, WRITE, ERASE, "mvExternalFlashOpen", "mvExternalFlashClose", "mvExternalFlashGetInfo"]


def on(core: ScriptedCore, name: str, *arguments: int) -> Call:
    """Name a call on the handle that was opened."""
    return call(name, word(core, HANDLE), *arguments)


def after_opening(*steps: tuple[str, int, int] | tuple[str, int, int, int]) -> list[str]:
    """Open the flash, make calls on it, and return their statuses."""
    statuses: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        assert (yield call("mvExternalFlashOpen", HANDLE)) == 0
        for name, *arguments in steps:
            statuses.append(status_name((yield on(core, name, *arguments))))

    Kernel(guest, until_us=None)
    return statuses


def test_it_starts_erased_and_keeps_what_is_written() -> None:
    """Every byte reads 0xFF until it is written; then it reads as written, its neighbours as before."""
    seen: list[bytes] = []

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvExternalFlashOpen", HANDLE)
        core.write_memory(BUFFER, b"hello")
        yield on(core, WRITE, SECTOR - 2, 5, BUFFER)
        yield on(core, READ, SECTOR - 3, 7, BUFFER)
        seen.append(core.read_memory(BUFFER, 7))

    Kernel(guest)
    assert seen == [b"\xffhello\xff"]


def test_writing_only_clears_bits_and_erasing_sets_them() -> None:
    """A second write leaves the bits both have; after erasing the sector, and only it, reads 0xFF."""
    seen: list[bytes] = []

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvExternalFlashOpen", HANDLE)
        for value in (0xF0, 0x3C):
            core.write_memory(BUFFER, bytes([value] * 8))
            yield on(core, WRITE, SECTOR - 4, 8, BUFFER)
        yield on(core, READ, SECTOR - 4, 8, BUFFER)
        seen.append(core.read_memory(BUFFER, 8))
        yield on(core, ERASE, SECTOR, SECTOR)
        yield on(core, READ, SECTOR - 4, 8, BUFFER)
        seen.append(core.read_memory(BUFFER, 8))

    Kernel(guest)
    assert seen == [b"\x30" * 8, b"\x30" * 4 + b"\xff" * 4]


@pytest.mark.parametrize(
    ("step", "status"),
    [
        ((READ, SIZE - 4, 4, BUFFER), "OKAY"),
        ((READ, SIZE, 0, 0), "OKAY"),
        ((READ, SIZE - 3, 4, BUFFER), "ADDRESSOUTOFRANGE"),
        ((READ, 0xFFFF_FFFF, 1, BUFFER), "ADDRESSOUTOFRANGE"),
        ((READ, 0xFFFF_FFFC, 8, BUFFER), "ADDRESSOUTOFRANGE"),
        ((READ, 0, 4, FLASH), "PARAMETERFAULT"),
        ((READ, SIZE, 4, 0), "PARAMETERFAULT"),
        ((WRITE, SIZE - 4, 4, BUFFER), "OKAY"),
        ((WRITE, 1, 7, FLASH), "OKAY"),
        ((WRITE, SIZE + 1, 0, 0), "ADDRESSOUTOFRANGE"),
        ((WRITE, SIZE - 3, 4, BUFFER), "ADDRESSOUTOFRANGE"),
        ((WRITE, SIZE, 4, 0x4000_0000), "PARAMETERFAULT"),
        ((ERASE, 0, 0), "OKAY"),
        ((ERASE, 0, SIZE), "OKAY"),
        ((ERASE, SIZE - SECTOR, SECTOR), "OKAY"),
        ((ERASE, SECTOR, SIZE), "ADDRESSOUTOFRANGE"),
        ((ERASE, SIZE - 1, SECTOR), "ADDRESSOUTOFRANGE"),
        ((ERASE, SECTOR - 1, SECTOR), "INVALIDBUFFERALIGNMENT"),
        ((ERASE, SECTOR, SECTOR - 1), "INVALIDBUFFERALIGNMENT"),
        ((ERASE, SECTOR, 1), "INVALIDBUFFERALIGNMENT"),
    ],
)
def test_every_documented_reason_to_refuse_a_range(
    step: tuple[str, int, int] | tuple[str, int, int, int], status: str
) -> None:
    """Pointers first, then the range, then alignment, which only erasing asks for."""
    assert after_opening(step) == [status]


@pytest.mark.parametrize("name", ALL)
def test_handlers_may_not(name: str) -> None:
    """From interrupt context all six are UNAVAILABLE, before anything else is looked at."""
    assert one_call(name, 0, 0, 0, 0, exception=16) == "UNAVAILABLE"


@pytest.mark.parametrize("handle", [0, 0x1234_5678])
def test_a_made_up_handle_is_invalid(handle: int) -> None:
    """After the pointers and before the range, the handle must be one that was opened."""
    assert one_call(READ, handle, SIZE, 4, BUFFER) == "INVALIDHANDLE"
    assert one_call(READ, handle, SIZE, 4, 0) == "PARAMETERFAULT"
    assert one_call(WRITE, handle, SIZE, 4, BUFFER) == "INVALIDHANDLE"
    assert one_call(ERASE, handle, SIZE, 1) == "INVALIDHANDLE"
    assert one_call("mvExternalFlashGetInfo", handle, INFO) == "INVALIDHANDLE"
    assert one_call("mvExternalFlashClose", HANDLE, memory={HANDLE: words(handle)}) == "INVALIDHANDLE"


def test_thirty_two_handles_and_what_the_flash_says_of_itself() -> None:
    """The thirty-third is refused and leaves its variable; the information counts them; closing makes room."""
    statuses: list[str] = []
    info: list[dict[str, int]] = []

    def guest(core: ScriptedCore) -> Guest:
        core.write_memory(RAM + 4 * 32, words(0xDEAD_BEEF))
        for number in range(33):
            statuses.append(status_name((yield call("mvExternalFlashOpen", RAM + 4 * number))))
        assert word(core, RAM + 4 * 32) == 0xDEAD_BEEF
        core.write_memory(BUFFER, words(1))
        yield call("mvExternalFlashGetInfo", word(core, RAM + 40), BUFFER)
        info.append(ABI.structs["MvExternalFlashInfo"].unpack(core.read_memory(BUFFER, 16)))
        statuses.append(status_name((yield call("mvExternalFlashClose", RAM))))
        assert word(core, RAM) == 0
        statuses.append(status_name((yield call("mvExternalFlashOpen", RAM))))

    Kernel(guest)
    assert statuses == ["OKAY"] * 32 + ["TOOMANYCHANNELS", "OKAY", "OKAY"]
    assert info == [{"version": 1, "v1.chip_id": FACTS.chip_id, "v1.size": SIZE, "v1.num_handles": 32}]


@pytest.mark.parametrize("version", [0, 2, 0xFFFF_FFFF])
def test_only_version_1_of_the_information(version: int) -> None:
    """Another version is refused, and nothing is written."""
    statuses: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvExternalFlashOpen", HANDLE)
        core.write_memory(INFO, words(version, 1, 2, 3))
        statuses.append(status_name((yield on(core, "mvExternalFlashGetInfo", INFO))))
        assert core.read_memory(INFO, 16) == words(version, 1, 2, 3)
        statuses.append(status_name((yield on(core, "mvExternalFlashGetInfo", FLASH))))

    Kernel(guest)
    assert statuses == ["UNSUPPORTEDSTRUCTUREVERSION", "PARAMETERFAULT"]


def test_the_content_outlives_restarts_but_handles_do_not() -> None:
    """After mvRestart the old handle is invalid, and a new one reads what was written before."""
    handles: list[int] = []
    seen: list[bytes] = []
    statuses: list[str] = []

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvExternalFlashOpen", HANDLE)
        if not handles:
            handles.append(word(core, HANDLE))
            core.write_memory(BUFFER, b"kept")
            yield on(core, WRITE, 0, 4, BUFFER)
            yield call("mvRestart", 0)
        statuses.append(status_name((yield call(READ, handles[0], 0, 4, BUFFER))))
        yield on(core, READ, 0, 4, BUFFER)
        seen.append(core.read_memory(BUFFER, 4))

    Kernel(guest)
    assert (statuses, seen) == (["INVALIDHANDLE"], [b"kept"])


def test_a_storage_of_ones_own_is_used() -> None:
    """What a device is given to keep the content in holds it afterwards."""
    storage = bytearray(b"\xff" * SIZE)

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvExternalFlashOpen", HANDLE)
        core.write_memory(BUFFER, b"written")
        yield on(core, WRITE, 0x1234, 7, BUFFER)

    Device(BOARD, PLAUSIBLE, ScriptedCore(guest), external_flash=storage).run(1_000_000)
    assert storage[0x1233:0x123C] == b"\xffwritten\xff"


def durations(*steps: tuple[str, int, int] | tuple[str, int, int, int], cuts: tuple[int, ...] = ()) -> list[int]:
    """Return how many microseconds each call took, on a device whose run is cut at these moments."""
    taken: list[int] = []

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvExternalFlashOpen", HANDLE)
        for name, *arguments in steps:
            before = core.cycle
            yield on(core, name, *arguments)
            taken.append((core.cycle - before) // 160)

    device = Device(BOARD, PLAUSIBLE, ScriptedCore(guest))
    for moment in (*sorted(cuts), 100_000_000):
        device.run(moment)
    return taken


def test_blocking_calls_take_the_chips_time() -> None:
    """Erasing costs per sector, writing per page touched, reading per byte, and a refusal next to nothing."""
    taken = durations(
        (ERASE, 0, 3 * SECTOR),
        (WRITE, 250, 12, BUFFER),
        (WRITE, 0, FACTS.page_size, BUFFER),
        (READ, 0, 10_000, BUFFER),
        (ERASE, 1, SECTOR),
    )
    page = FACTS.command_us + FACTS.program_page_us
    wanted = [
        3 * (FACTS.command_us + FACTS.erase_sector_us),
        2 * page,
        page,
        FACTS.command_us + 10_000 * FACTS.read_ns_per_byte // 1000,
        0,
    ]
    assert [measured - expected for measured, expected in zip(taken, wanted, strict=True)] == [2] * 5


@given(cuts=st.lists(st.integers(1, 100_000), max_size=5))
def test_a_long_call_does_not_depend_on_how_the_run_is_cut(cuts: list[int]) -> None:
    """Stopping the device in the middle of a blocking call changes nothing."""
    steps = ((ERASE, 0, SECTOR), (WRITE, 0, 2000, BUFFER), (READ, 0, 2000, BUFFER))
    assert durations(*steps, cuts=tuple(cuts)) == durations(*steps)


def test_what_falls_due_during_a_long_call_happens_at_its_time() -> None:
    """An event inside a blocking call has its own time; the interrupt it pends is there when the call returns."""
    moments: list[int] = []
    pending: list[bool] = []

    def guest(core: ScriptedCore) -> Guest:
        yield call("mvExternalFlashOpen", HANDLE)
        yield on(core, ERASE, 0, SECTOR)
        pending.append(45 in core.pending)

    def prepare(device: Device) -> None:
        def due() -> None:
            moments.append(device.time_us)
            device.core.pend(45)

        after_us(device, 20_000, due)

    Kernel(guest, prepare=prepare)
    assert (moments, pending) == ([20_000], [True])
