"""Laws of the FLASH controller: what opens it, what it programs and erases and when, what it refuses by which flag."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator.core.native_core import NativeCore
from mvsdk.emulator.errors import SnapshotError
from mvsdk.emulator.saving import load, save
from mvsdk.emulator.soc.flash import (
    BKER,
    BSY,
    BWR,
    ECCD,
    EOP,
    EOPIE,
    ERRIE,
    KEYS,
    LOCK,
    MER1,
    MER2,
    OBL_LAUNCH,
    OBL_RESET_FLAG,
    OPERR,
    OPTION_KEYS,
    OPTLOCK,
    OPTSTRT,
    OPTWERR,
    PER,
    PG,
    PGAERR,
    PGSERR,
    PROGERR,
    SECURE_REGISTERS,
    SIZERR,
    STRT,
    SWAP_BANK,
    TZEN,
    WDW,
    WRPERR,
    FlashController,
    Work,
    operation_us,
)
from mvsdk.emulator.soc.flash_array import BANK, BASE, SECURE_BASE, SIZE, ChipFlash
from mvsdk.emulator.soc.registers import offsets
from mvsdk.flash_memory import Cut, FlashContentError, Mess, PowerCut, PowerSupply
from mvsdk.testing import FakeWiring
from tests.emulator.soc.block import Block

INTERRUPT, SECURE_INTERRUPT = 6, 7
QUAD = bytes(range(1, 17))
OPTR = 0x1FEF_F8AA
TIME = {work: operation_us(work) * 160 for work in Work}
"""How long an operation takes, in cycles."""


class Bench:
    """A controller with its flash, mapped into a core."""

    def __init__(self, part: ChipFlash | None = None, *, open_: bool = True) -> None:
        self.wiring = FakeWiring()
        self.part = part or ChipFlash()
        self.controller = FlashController(self.wiring, (INTERRUPT, SECURE_INTERRUPT), self.part)
        self.core = NativeCore()
        self.controller.lay_out(self.core)
        self.registers = Block(self.controller, "flash-controller")
        if open_:
            self.open()

    def open(self) -> None:
        """Clear LOCK."""
        for key in KEYS:
            self.registers["NSKEYR"] = key

    def open_options(self) -> None:
        """Clear OPTLOCK."""
        for key in OPTION_KEYS:
            self.registers["OPTKEYR"] = key

    def store(self, offset: int, data: bytes, base: int = BASE) -> None:
        """Store words into the array."""
        for at in range(0, len(data), 4):
            self.core.debug_write(base + offset + at, 4, int.from_bytes(data[at : at + 4], "little"))

    def program(self, offset: int, data: bytes, mode: int = 0) -> None:
        """Program and wait, with PG and other bits of NSCR."""
        self.registers["NSCR"] = PG | mode
        step = 128 if mode & BWR else 16
        for at in range(0, len(data), step):
            self.store(offset + at, data[at : at + step])
            self.wait()
        self.registers["NSCR"] = 0

    def erase(self, what: int) -> None:
        """Erase and wait."""
        self.registers["NSCR"] = what
        self.registers["NSCR"] = what | STRT
        self.wait()
        self.registers["NSCR"] = 0

    def wait(self) -> None:
        """Let time pass until nothing goes on."""
        self.wiring.advance(TIME[Work.MASS_ERASE])

    def set_options(self, **options: int) -> None:
        """Change option registers for good, and load them."""
        self.open_options()
        for name, value in options.items():
            self.registers[name] = value
        self.registers["NSCR"] = OPTSTRT
        self.wait()
        self.registers["NSCR"] = OBL_LAUNCH
        self.controller.reset()
        self.open()

    @property
    def flags(self) -> int:
        """NSSR."""
        return self.registers["NSSR"]

    def shown(self, offset: int, length: int, base: int = BASE) -> bytes:
        """Return what the core's memory holds."""
        return self.core.read_memory(base + offset, length)


def test_two_keys_in_order_open_it() -> None:
    """LOCK is cleared by the two keys and set by writing it; while it is set nothing of NSCR changes."""
    bench = Bench(open_=False)
    assert bench.registers["NSCR"] == LOCK | OPTLOCK
    bench.registers["NSCR"] = PG
    assert bench.registers["NSCR"] == LOCK | OPTLOCK
    bench.open()
    bench.registers["NSCR"] = PG
    assert bench.registers["NSCR"] == OPTLOCK | PG
    bench.registers["NSCR"] = LOCK
    assert bench.registers["NSCR"] & LOCK
    bench.open()
    assert not bench.registers["NSCR"] & LOCK


@pytest.mark.parametrize("keys", [(KEYS[1],), (KEYS[0], KEYS[0]), (0,), (KEYS[0], 1)])
def test_a_wrong_key_jams_the_lock(keys: tuple[int, ...]) -> None:
    """After a wrong key or order the right ones do nothing until the next reset, of the option bytes' lock too."""
    bench = Bench(open_=False)
    for key in keys:
        bench.registers["NSKEYR"] = key
    bench.open()
    assert bench.registers["NSCR"] & LOCK
    bench.controller.reset()
    bench.open()
    bench.registers["OPTKEYR"] = 1
    bench.open_options()
    assert bench.registers["NSCR"] == OPTLOCK


def test_option_bytes_need_both_locks_open() -> None:
    """OPTLOCK opens only after LOCK; without it option registers do not change."""
    bench = Bench(open_=False)
    bench.open_options()
    assert bench.registers["NSCR"] & OPTLOCK
    bench.open()
    bench.registers["OPTR"] = OPTR | SWAP_BANK
    assert bench.registers["OPTR"] == OPTR
    bench.open_options()
    bench.registers["OPTR"] = OPTR | SWAP_BANK
    assert bench.registers["OPTR"] == OPTR | SWAP_BANK


def test_a_quad_word_is_programmed_when_its_time_is_over() -> None:
    """The first word sets WDW, the fourth BSY; after the part's time both are clear and the core reads the words."""
    bench = Bench()
    bench.registers["NSCR"] = PG
    bench.store(0x100, QUAD[:12])
    assert bench.flags == WDW
    bench.store(0x10C, QUAD[12:])
    assert bench.flags == BSY | WDW
    bench.wiring.advance(TIME[Work.PROGRAM] - 1)
    assert (bench.flags, bench.shown(0x100, 16)) == (BSY | WDW, b"\xff" * 16)
    bench.wiring.advance(1)
    assert (bench.flags, bench.shown(0x100, 16)) == (0, QUAD)
    assert bench.part.memory.read(0x100, 16) == QUAD


def test_a_burst_is_eight_quad_words_in_less_time() -> None:
    """With BWR 128 bytes are collected and programmed at once, faster than one by one."""
    bench = Bench()
    bench.registers["NSCR"] = PG | BWR
    bench.store(0x80, QUAD * 8)
    bench.wiring.advance(TIME[Work.BURST] - 1)
    assert bench.flags == BSY | WDW
    bench.wiring.advance(1)
    assert (bench.flags, bench.shown(0x80, 128)) == (0, QUAD * 8)
    assert TIME[Work.BURST] < 8 * TIME[Work.PROGRAM]


@pytest.mark.parametrize(
    ("what", "erased", "work"),
    [
        (PER, [0], Work.PAGE_ERASE),
        (PER | 1 << 3, [0x2000], Work.PAGE_ERASE),
        (PER | BKER | 127 << 3, [SIZE - 0x2000], Work.PAGE_ERASE),
        (MER1, [0, 0x2000], Work.BANK_ERASE),
        (MER2, [BANK, SIZE - 0x2000], Work.BANK_ERASE),
        (MER1 | MER2, [0, 0x2000, BANK, SIZE - 0x2000], Work.MASS_ERASE),
    ],
)
def test_erasing_takes_pages_banks_or_all(what: int, erased: list[int], work: Work) -> None:
    """PER erases the page of PNB and BKER, MER1 and MER2 their banks; STRT and BSY last as long as it takes."""
    places = [0, 0x2000, BANK, SIZE - 0x2000]
    bench = Bench()
    for place in places:
        bench.program(place, QUAD)
    bench.registers["NSCR"] = what | STRT
    assert (bench.flags, bench.registers["NSCR"]) == (BSY, what | STRT | OPTLOCK)
    bench.wiring.advance(TIME[work] - 1)
    assert all(bench.shown(place, 16) == QUAD for place in places)
    bench.wiring.advance(1)
    assert (bench.flags, bench.registers["NSCR"]) == (0, what | OPTLOCK)
    assert [place for place in places if bench.shown(place, 16) == b"\xff" * 16] == erased


def test_the_end_of_an_operation_interrupts_who_asked() -> None:
    """EOP is set only with EOPIE, and the line is high while both are."""
    bench = Bench()
    bench.program(0, QUAD)
    assert (bench.flags, bench.wiring.lines.get(INTERRUPT, False)) == (0, False)
    bench.program(16, QUAD, EOPIE)
    bench.registers["NSCR"] = EOPIE
    assert (bench.flags, bench.wiring.lines[INTERRUPT]) == (EOP, True)
    bench.registers["NSSR"] = EOP
    assert (bench.flags, bench.wiring.lines[INTERRUPT]) == (0, False)


def halfword(bench: Bench) -> None:
    """Store less than a word."""
    bench.registers["NSCR"] = PG
    bench.core.debug_write(BASE, 2, 0)


def control(*values: int) -> Callable[[Bench], None]:
    """Write NSCR."""

    def write(bench: Bench) -> None:
        for value in values:
            bench.registers["NSCR"] = value

    return write


def stores(mode: int, *places: int) -> Callable[[Bench], None]:
    """Store words at these places."""

    def store(bench: Bench) -> None:
        bench.registers["NSCR"] = mode
        for place in places:
            bench.store(place, b"word")

    return store


def programmed_again(bench: Bench) -> None:
    """Program a quad-word twice."""
    bench.program(0, b"\xff" * 16)
    bench.program(0, QUAD)


def stopped_in_the_middle(bench: Bench) -> None:
    """Clear PG before the fourth word."""
    bench.registers["NSCR"] = PG
    bench.store(0, QUAD[:12])
    bench.registers["NSCR"] = 0


def protected(steps: Callable[[Bench], None]) -> Callable[[Bench], None]:
    """Do something while pages 2 to 3 of bank 1 are protected."""

    def protect(bench: Bench) -> None:
        bench.set_options(WRP1BR=0xFF83_FF82)
        steps(bench)

    return protect


@pytest.mark.parametrize(
    ("flags", "steps"),
    [
        (PGSERR, stores(0, 0)),
        (PGSERR, stores(PG | PER, 0)),
        (PGSERR, control(STRT)),
        (PGSERR, control(PG | PER | STRT)),
        (PGSERR, control(PER | MER1 | STRT)),
        (PGSERR, stopped_in_the_middle),
        (SIZERR, halfword),
        (PGAERR, stores(PG, 4)),
        (PGAERR, stores(PG, 0, 8)),
        (PGAERR, stores(PG, 0, 0)),
        (PGAERR, stores(PG | BWR, 16)),
        (PROGERR, programmed_again),
        (WRPERR, protected(stores(PG, 0x4000))),
        (WRPERR, protected(stores(PG, 0x7FF0))),
        (WRPERR, protected(control(PER | 2 << 3 | STRT))),
        (WRPERR, protected(control(MER1 | STRT))),
        (0, protected(stores(PG, 0x8000))),
        (0, protected(control(PER | BKER | 2 << 3 | STRT))),
        (PGAERR | PGSERR, stores(PG, 4, 8)),
    ],
)
def test_what_is_wrong_is_refused_by_its_flag(flags: int, steps: Callable[[Bench], None]) -> None:
    """Every breach of the rules sets its own flag and changes nothing; what follows is a wrong sequence until the flag
    is cleared."""
    bench = Bench()
    bench.program(0x4000, QUAD)
    before = bench.shown(0x4000, 0x4000)
    steps(bench)
    assert bench.flags & ~(BSY | WDW) == flags
    bench.wait()
    assert bench.shown(0x4000, 0x4000) == before
    if flags:
        bench.program(0xA000, QUAD)
        assert bench.shown(0xA000, 16) == b"\xff" * 16
        assert bench.flags & PGSERR
        bench.registers["NSSR"] = bench.flags
        bench.program(0xA000, QUAD)
        assert bench.shown(0xA000, 16) == QUAD


def test_an_error_interrupts_who_asked() -> None:
    """OPERR is set only with ERRIE, and drives the line."""
    bench = Bench()
    bench.registers["NSCR"] = ERRIE | STRT
    assert (bench.flags, bench.wiring.lines[INTERRUPT]) == (OPERR | PGSERR, True)
    bench.registers["NSSR"] = OPERR
    assert (bench.flags, bench.wiring.lines[INTERRUPT]) == (PGSERR, False)


def test_zeros_can_be_written_over() -> None:
    """A quad-word that was programmed takes zeros."""
    bench = Bench()
    bench.program(0, QUAD)
    bench.program(0, bytes(16))
    assert (bench.flags, bench.shown(0, 16)) == (0, bytes(16))


def test_a_store_while_it_is_busy_comes_after() -> None:
    """What the bus would hold up finds the operation done."""
    bench = Bench()
    bench.registers["NSCR"] = PG
    bench.store(0, QUAD * 2)
    assert (bench.shown(0, 16), bench.flags) == (QUAD, BSY | WDW)
    bench.wait()
    assert bench.shown(0, 32) == QUAD * 2
    assert not bench.flags


def test_swapped_banks_change_places_at_the_next_load() -> None:
    """SWAP_BANK exchanges what the core sees once the option bytes are loaded; PNB, BKER and MER name the banks
    themselves."""
    bench = Bench()
    bench.program(0, QUAD)
    bench.open_options()
    bench.registers["OPTR"] = OPTR | SWAP_BANK
    bench.registers["NSCR"] = OPTSTRT
    assert bench.flags & BSY
    bench.wait()
    assert bench.shown(0, 16) == QUAD
    bench.registers["NSCR"] = OBL_LAUNCH
    assert bench.wiring.resets == [(bench.wiring.cycle, OBL_RESET_FLAG)]
    assert (bench.shown(0, 16), bench.shown(BANK, 16)) == (b"\xff" * 16, QUAD)
    bench.open()
    bench.program(0x20, QUAD)
    assert bench.part.memory.read(BANK + 0x20, 16) == QUAD
    bench.erase(PER)
    assert (bench.shown(BANK, 16), bench.shown(0x20, 16)) == (b"\xff" * 16, QUAD)
    again = Bench(bench.part)
    assert again.shown(0x20, 16) == QUAD


@pytest.mark.parametrize(
    ("before", "wanted", "flag"),
    [
        (OPTR, OPTR | TZEN, 0),
        (OPTR | TZEN, OPTR, OPTWERR),
        (OPTR & ~0xFF | TZEN | 0x55, OPTR, 0),
        (OPTR & ~0xFF | 0xCC, OPTR, OPTWERR),
    ],
)
def test_some_options_cannot_be_left(before: int, wanted: int, flag: int) -> None:
    """TrustZone goes only together with read protection, level 2 never; a refusal brings the registers back."""
    bench = Bench(ChipFlash(options={"OPTR": before}))
    bench.open_options()
    bench.registers["OPTR"] = wanted
    bench.registers["NSCR"] = OPTSTRT
    bench.wait()
    assert bench.flags == flag
    assert bench.registers["OPTR"] == (before if flag else wanted)
    assert bench.part.options.get("OPTR", before) == (before if flag else wanted)
    bench.registers["NSSR"] = flag
    assert not bench.flags


def test_the_way_back_to_level_0_erases_everything() -> None:
    """A regression of the read protection is a mass erase."""
    bench = Bench(ChipFlash(options={"OPTR": OPTR & ~0xFF | 0x55}))
    bench.program(0, QUAD)
    bench.program(BANK, QUAD)
    bench.set_options(OPTR=OPTR)
    assert bench.part.blank
    assert bench.shown(0, 16) == b"\xff" * 16


@pytest.mark.parametrize(("mode", "code"), [(PG, 1), (PG | BWR, 2), (PER, 3), (MER1, 4), (MER1 | MER2, 5)])
def test_a_reset_tears_the_operation(mode: int, code: int) -> None:
    """What goes on when a reset comes is neither done nor undone, and OPSR says what and where it was."""
    bench = Bench()
    bench.program(0x80, QUAD * 8)
    if mode & PG:
        bench.registers["NSCR"] = mode
        bench.store(0x2080, QUAD * 8 if mode & BWR else QUAD)
    else:
        bench.registers["NSCR"] = mode | STRT
    bench.controller.reset()
    assert bench.registers["OPSR"] == code << 29 | (0x2080 if mode & PG else 0)
    assert not bench.flags
    bench.wait()
    assert bench.shown(0x2080 if mode & PG else 0x80, 128) != QUAD * 8
    bench.open()
    place = 0x2080 if mode & PG else 0x80
    bench.core.debug_read(BASE + place, 4)
    bench.core.debug_read(BASE + place, 4)
    assert bench.registers["ECCR"] & ECCD
    bench.wait()
    assert bench.wiring.nmis


def test_a_quad_word_that_cannot_be_read_is_an_nmi() -> None:
    """ECCR keeps the first address until it is cleared, and erasing mends the page; its other quad-words read well."""
    bench = Bench()
    bench.program(BANK, QUAD)
    bench.registers["NSCR"] = PG
    bench.store(BANK + 0x40, QUAD)
    bench.controller.reset()
    assert bench.core.debug_read(BASE + BANK, 4) == int.from_bytes(QUAD[:4], "little")
    assert (bench.registers["ECCR"], bench.wiring.nmis) == (0, [])
    bench.core.debug_read(BASE + BANK + 0x44, 4)
    assert bench.registers["ECCR"] == ECCD | 1 << 21 | 0x40
    bench.wiring.advance(0)
    assert bench.wiring.nmis == [bench.wiring.cycle]
    bench.registers["ECCR"] = ECCD
    assert not bench.registers["ECCR"] & ECCD
    bench.open()
    bench.erase(PER | BKER)
    assert bench.core.debug_read(BASE + BANK + 0x44, 4) == 0xFFFF_FFFF
    assert not bench.registers["ECCR"] & ECCD


@pytest.mark.parametrize("mess", Mess)
def test_a_loss_of_power_cuts_the_operation(mess: Mess) -> None:
    """The power that the part hangs on may fail at any operation; after it is back and the chip is reset, the core sees
    what the part holds."""
    power = PowerSupply()
    bench = Bench(ChipFlash(power))
    bench.program(0, QUAD)
    power.restore(Cut(1, mess))
    bench.program(16, QUAD)
    bench.registers["NSCR"] = PG
    bench.store(32, QUAD)
    with pytest.raises(PowerCut):
        bench.wait()
    power.restore()
    bench.controller.reset()
    assert bench.registers["OPSR"] == Work.PROGRAM.value << 29 | 32
    assert bench.shown(0, 32) == QUAD * 2
    assert bench.shown(32, 16) == bench.part.memory.page(0).data[32:48]
    bench.open()
    bench.erase(PER)
    bench.program(32, QUAD)
    assert bench.shown(0, 48) == b"\xff" * 32 + QUAD


def test_a_planned_cut_outlives_a_reset() -> None:
    """An operation that a reset tears counts as one, and the power fails where it was to fail."""
    power = PowerSupply(Cut(2, Mess.BEFORE))
    bench = Bench(ChipFlash(power))
    bench.program(0, QUAD)
    bench.registers["NSCR"] = PG
    bench.store(16, QUAD)
    bench.controller.reset()
    bench.open()
    with pytest.raises(PowerCut):
        bench.program(32, QUAD)


def test_the_secure_side_has_registers_of_its_own() -> None:
    """With TZEN they answer at their secure alias; the non-secure side sees zeros there, cannot write secure pages, and
    may write the others."""
    bench = Bench(ChipFlash(options={"OPTR": OPTR | TZEN, "SECWM2R1": 0xFF80_FFFF}))
    at = offsets("flash-controller")
    secure = SECURE_REGISTERS.start
    bench.registers["SECKEYR"] = KEYS[0]
    for key in KEYS:
        bench.core.debug_write(secure + at["SECKEYR"], 4, key)
    bench.core.debug_write(secure + at["SECCR"], 4, PG | EOPIE)
    assert bench.registers["SECCR"] == 0
    bench.store(0, QUAD, SECURE_BASE)
    assert bench.flags == BSY | WDW
    bench.wait()
    assert bench.core.debug_read(secure + at["SECSR"], 4) == EOP
    assert bench.wiring.lines[SECURE_INTERRUPT]
    assert bench.shown(0, 16) == bench.shown(0, 16, SECURE_BASE) == QUAD
    bench.program(32, QUAD)
    assert bench.flags == WRPERR | PGSERR
    bench.registers["NSSR"] = bench.flags
    bench.program(BANK, QUAD)
    assert (bench.flags, bench.shown(BANK, 16)) == (0, QUAD)
    bench.store(BANK + 32, QUAD, SECURE_BASE)
    assert bench.core.debug_read(secure + at["SECSR"], 4) & WRPERR
    assert bench.core.debug_read(secure + 0xFF0, 4) == 0


def test_secure_options_need_trustzone() -> None:
    """Without TZEN the secure option registers do not change."""
    for option, changes in ((OPTR, False), (OPTR | TZEN, True)):
        bench = Bench(ChipFlash(options={"OPTR": option}))
        bench.open_options()
        before = bench.registers["SECWM1R1"]
        bench.registers["SECWM1R1"] = 0
        assert (bench.registers["SECWM1R1"] != before) == changes


def test_a_part_in_a_storage_lasts() -> None:
    """What is programmed is in the storage, and in the next part that is made on it; one of another size is refused."""
    storage = bytearray(b"\xff" * SIZE)
    bench = Bench(ChipFlash(storage=storage))
    bench.program(0x1000, QUAD)
    assert storage[0x1000:0x1010] == QUAD
    assert Bench(ChipFlash(storage=storage)).shown(0x1000, 16) == QUAD
    with pytest.raises(FlashContentError):
        ChipFlash(storage=bytearray(16))


STEP = (
    st.tuples(st.just("register"), st.sampled_from(sorted(offsets("flash-controller"))), st.integers(0, 0xFFFF_FFFF))
    | st.tuples(
        st.just("register"),
        st.just("NSCR"),
        st.sampled_from([PG, PG | BWR, PER | STRT, MER1 | STRT, PG | EOPIE, 0, OPTSTRT, OBL_LAUNCH]),
    )
    | st.tuples(st.just("store"), st.integers(0, 12), st.integers(0, 0xFFFF_FFFF))
    | st.tuples(st.just("quad"), st.integers(0, 12), st.just(0))
    | st.tuples(st.just("pass"), st.sampled_from([1, TIME[Work.PROGRAM], TIME[Work.MASS_ERASE]]), st.just(0))
    | st.tuples(st.just("reset"), st.just(0), st.just(0))
)
Step = tuple[str, int | str, int]


def do(bench: Bench, step: Step) -> object:
    """Do a step; return all that can be seen of the controller after it."""
    kind, where, value = step
    match kind:
        case "register":
            bench.registers[str(where)] = value
        case "store":
            bench.core.debug_write(BASE + 4 * int(where), 4, value)
        case "quad":
            bench.store(16 * int(where), QUAD)
        case "pass":
            bench.wiring.advance(int(where))
        case _:
            bench.controller.reset()
            bench.open()
            bench.open_options()
    seen = {name: bench.registers[name] for name in offsets("flash-controller")}
    return seen, bench.shown(0, 1024), bench.shown(BANK, 64), bench.core.debug_read(BASE + 64, 4), bench.wiring.lines


@settings(max_examples=60)
@given(before=st.lists(STEP, max_size=12), after=st.lists(STEP, max_size=8))
def test_a_saved_controller_goes_on_as_if_nothing_had_been(before: list[Step], after: list[Step]) -> None:
    """Whatever was done, a controller that takes its state does the same from then on."""
    first, second = Bench(), Bench(open_=False)
    first.open_options()
    for step in before:
        do(first, step)
    second.wiring.cycle = first.wiring.cycle
    load(second.controller, json.loads(json.dumps(save(first.controller))))
    second.core.load(first.core.save())
    second.wiring.lines.update(first.wiring.lines)
    for step in after:
        assert do(second, step) == do(first, step)
    assert save(second.controller) == save(first.controller)


@given(garbage=st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)))
def test_a_damaged_state_is_refused(garbage: object) -> None:
    """What is no state of a flash is an error of the snapshot."""
    bench = Bench()
    data = json.loads(json.dumps(save(bench.controller)))
    data["object"]["array"] = {"own": garbage}
    with pytest.raises(SnapshotError), suppress(RecursionError):
        load(bench.controller, data)
    data = json.loads(json.dumps(save(bench.controller)))
    data["object"]["array"]["own"]["flash"] = {"own": {"memory": str(garbage), "options": {"dict": []}}}
    with pytest.raises(SnapshotError):
        load(bench.controller, data)
