"""Laws of registers that the core answers itself."""

from __future__ import annotations

import gc
import struct
import weakref
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk.emulator.core.errors import RegisterBankError
from mvsdk.emulator.core.native_core import NativeCore
from mvsdk.emulator.core.register_bank import HEADER, NEVER, BankRegister, Effect, Reads, RegisterBank, Verb
from tests.emulator.core.small_guest import DEVICE, RAM, SPIN, Answering, constant, halfwords, start

WORD = 0xFFFF_FFFF
VALUES = 8
OTHER = DEVICE + 0x400
LDR, LDRH, LDRB, STR, STRH, STRB = 0x6811, 0x8811, 0x7811, 0x6011, 0x8011, 0x7011
"""Loads to and stores of r1, at the address in r2."""


@dataclass(frozen=True)
class Access:
    """A read of `size` bytes, or a write if there is a value."""

    offset: int
    size: int
    value: int | None

    def code(self) -> bytes:
        """Return instructions that make it, and put what was read into the table at r7, which they move on."""
        opcode = ({4: LDR, 2: LDRH, 1: LDRB} if self.value is None else {4: STR, 2: STRH, 1: STRB})[self.size]
        return halfwords(
            *constant(2, DEVICE + self.offset), *constant(1, self.value or 0), opcode, 0x6039, 0x3704
        )  # ...; STR r1, [r7]; ADDS r7, #4


@dataclass
class Reference:
    """A device that does by itself what descriptions say, and keeps account of everything else it is asked."""

    bank: RegisterBank
    registers: Sequence[BankRegister]
    now: Callable[[], int]
    log: list[tuple[int, int, int, int | None]] = field(default_factory=list)

    def read(self, offset: int, size: int) -> int:
        """Answer a read as a bank would, or make something up."""
        register = self._described(offset)
        if register is None or register.reads is Reads.DEVICE:
            self.log.append((self.now(), offset, size, None))
            return len(self.log) * 0x0101_0101 & (1 << 8 * size) - 1
        value = self.bank.words[register.word]
        if register.reads is Reads.COUNTER:
            value += self.counts()
        return (value & WORD) >> 8 * (offset & 3) & (1 << 8 * size) - 1

    def write(self, offset: int, size: int, value: int) -> None:
        """Take a write as a bank would, or note it."""
        register = self._described(offset)
        shift = 8 * (offset & 3)
        written = (1 << 8 * size) - 1 << shift
        if register is None or not self._take(register, value << shift, written):
            self.log.append((self.now(), offset, size, value))

    def _described(self, offset: int) -> BankRegister | None:
        """Return the register if the bank may answer it now."""
        words = self.bank.words
        if not words[0] or self.now() >= words[1] | words[2] << 32:
            return None
        return next((register for register in self.registers if register.offset == offset & ~3), None)

    def counts(self) -> int:
        """Return how far the counter has come since its word."""
        step, down, low, high = self.bank.words[3:7]
        since = low | high << 32
        passed = (self.now() - since) // step if step and self.now() >= since else 0
        return -passed if down else passed

    def _take(self, register: BankRegister, bits: int, written: int) -> bool:
        if register.effects is None:
            return False
        words = self.bank.words
        target = register.word if register.target is None else register.target
        value = words[target]
        for effect in register.effects:
            value = done(effect, value, bits, written)
        for bit, copy in register.follows:
            value = value & ~(1 << copy) | (value >> bit & 1) << copy
        told = register.told | (0 if register.told_word is None else words[register.told_word])
        if (value ^ words[target]) & told:
            return False
        words[target] = value
        if register.shown is not None and register.shown_mask is not None:
            mask = words[register.shown_mask]
            words[register.shown] = words[register.shown] & ~mask | value & mask
        return True


def done(effect: Effect, value: int, bits: int, written: int) -> int:
    """Return what a write makes of a value."""
    chosen = bits >> effect.shift & effect.mask
    match effect.verb:
        case Verb.WRITE:
            return value & ~(written & effect.mask) | bits & written & effect.mask
        case Verb.SET:
            return value | chosen
        case Verb.CLEAR:
            return value & ~chosen
        case Verb.TOGGLE:
            return value ^ chosen
    return value & (bits | ~(written & effect.mask) & WORD)


words = st.integers(0, WORD) | st.sampled_from([0, WORD]) | st.integers(0, 31).map(lambda bit: 1 << bit)
places = st.integers(HEADER, HEADER + VALUES - 1)
effects = st.builds(Effect, st.sampled_from(Verb), st.integers(0, 31), words)
registers = st.builds(
    BankRegister,
    offset=st.integers(0, 5).map(lambda word: 4 * word),
    word=places,
    reads=st.sampled_from(Reads),
    effects=st.none() | st.lists(effects, max_size=3).map(tuple),
    target=st.none() | places,
    told=st.just(0) | words,
    told_word=st.none() | places,
    follows=st.lists(st.tuples(st.integers(0, 31), st.integers(0, 31)), max_size=3).map(tuple),
)
shown = st.none() | st.tuples(places, places)
described = st.lists(
    st.builds(
        lambda register, shows: replace(register, shown=shows[0], shown_mask=shows[1]) if shows else register,
        registers,
        shown,
    ),
    max_size=6,
    unique_by=lambda register: register.offset,
)
accesses = st.builds(
    lambda word, size, part, value: Access(4 * word + part // size * size, size, None if value is None else value),
    st.integers(0, 6),
    st.sampled_from([4, 4, 2, 1]),
    st.integers(0, 3),
    st.none() | words,
)


def lived(
    described: Sequence[BankRegister],
    held: Sequence[int],
    script: Sequence[Access],
    *,
    bound: bool,
    cuts: Sequence[int],
) -> tuple[object, ...]:
    """Run a script and return everything it led to."""
    bank = RegisterBank(VALUES)
    bank.words[HEADER:] = array("I", held[:VALUES])
    bank.hold_until(held[8])
    bank.count(held[9], held[10], down=bool(held[11]))
    code = b"".join((halfwords(*constant(7, RAM)), *(access.code() for access in script), halfwords(SPIN)))
    device = Reference(bank, () if bound else described, lambda: core.cycle)
    core = start(code, device=device)
    if bound:
        core.bind_registers(DEVICE, bank, described)
    for cut in sorted(cuts):
        core.run(cut)
    core.run(2000)
    return core.snapshot(), bank.words.tolist(), device.log


@settings(max_examples=300)
@given(
    described=described,
    values=st.lists(words, min_size=VALUES, max_size=VALUES),
    until=st.sampled_from([NEVER, 0, 40, 90]),
    counter=st.tuples(st.sampled_from([0, 25, 70, 1 << 40]), st.sampled_from([0, 1, 7, WORD]), st.booleans()),
    script=st.lists(accesses, max_size=12),
    cuts=st.lists(st.integers(1, 300), max_size=8),
)
def test_a_bank_does_what_its_description_says(
    described: list[BankRegister],
    values: list[int],
    until: int,
    counter: tuple[int, int, bool],
    script: list[Access],
    cuts: list[int],
) -> None:
    """Registers, memory, time, values and what reaches the device are as if the device had followed the description."""
    held = [*values, until, *map(int, counter)]
    asked = lived(described, held, script, bound=False, cuts=[])
    assert lived(described, held, script, bound=True, cuts=[]) == asked
    assert lived(described, held, script, bound=True, cuts=cuts) == asked


def polling(bank: RegisterBank, *registers: BankRegister) -> tuple[NativeCore, Answering]:
    """Return a core that reads the register at offset 0 over and over, and its device."""
    device = Answering()
    core = start(halfwords(*constant(2, DEVICE), LDR, 0xE7FD), device=device)
    core.bind_registers(DEVICE, bank, registers)
    return core, device


def test_a_bound_register_does_not_reach_the_device() -> None:
    """Polling a register that the bank answers asks the device nothing; a closed bank asks it every time."""
    bank = RegisterBank(1)
    bank.words[HEADER] = 0x1234_5678
    core, device = polling(bank, BankRegister(0, HEADER))
    core.run(1000)
    assert (device.reads, core.registers().r[1]) == (0, 0x1234_5678)
    bank.open = False
    core.run(2000)
    assert (device.reads, core.registers().r[1]) == (500, 0)


def test_a_value_holds_up_to_its_cycle() -> None:
    """Before the cycle that a bank holds until it answers; at that cycle and later the device is asked."""
    bank = RegisterBank(1)
    core, device = polling(bank, BankRegister(0, HEADER))
    bank.hold_until(504)
    core.run(504)
    assert device.reads == 0
    core.run(506)
    assert device.reads == 1


def test_a_device_sees_its_bank_while_it_answers() -> None:
    """A device that is asked finds in its bank what the guest has changed, and the guest what the device changes."""
    bank = RegisterBank(2)
    seen: list[int] = []

    def answer() -> int:
        seen.append(bank.words[HEADER])
        bank.words[HEADER] = 7
        return 0

    device = Answering(answer)
    steps = [Access(0, 4, 5), Access(4, 4, 1), Access(0, 4, None)]
    code = b"".join((halfwords(*constant(7, RAM)), *(step.code() for step in steps), halfwords(SPIN)))
    core = start(code, device=device)
    core.bind_registers(DEVICE, bank, [BankRegister(0, HEADER, effects=(Effect(Verb.WRITE),))])
    core.run(1000)
    assert seen == [5]
    assert struct.unpack("<3I", core.read_memory(RAM, 12))[2] == 7


def test_the_memory_protection_comes_first() -> None:
    """A bound register that unprivileged code may not read faults with its address, as the device behind it would."""
    mpu_on = halfwords(*constant(0, 0xE000_ED94), *constant(1, 5), 0x6001)  # the default map, for privileged code only
    ldrt = (0xF852, 0x1E00)
    device = Answering()
    core = start(mpu_on + halfwords(*constant(2, DEVICE), LDR, *ldrt, SPIN), device=device)
    bank = RegisterBank(1)
    bank.words[HEADER] = 9
    core.bind_registers(DEVICE, bank, [BankRegister(0, HEADER)])
    stop = core.run(1000)
    assert stop.fault is not None
    assert (stop.fault.cfsr, stop.fault.mmfar) == (0x82, DEVICE)
    assert (core.registers().r[1], device.reads) == (9, 0)


@pytest.mark.parametrize(
    ("base", "described", "problem"),
    [
        (DEVICE + 4, [BankRegister(0, HEADER)], "multiple of 1024"),
        (RAM, [BankRegister(0, HEADER)], "no device"),
        (0xF000_0000, [BankRegister(0, HEADER)], "no device"),
        (DEVICE, [BankRegister(2, HEADER)], "multiple of 4"),
        (DEVICE, [BankRegister(1024, HEADER)], "below 1024"),
        (DEVICE, [BankRegister(0, HEADER), BankRegister(0, HEADER)], "same offset"),
        (DEVICE, [BankRegister(0, HEADER - 1)], "none of the bank's values"),
        (DEVICE, [BankRegister(0, HEADER + 2)], "none of the bank's values"),
        (DEVICE, [BankRegister(0, HEADER, target=0)], "none of the bank's values"),
        (DEVICE, [BankRegister(0, HEADER, told_word=HEADER + 2)], "none of the bank's values"),
        (DEVICE, [BankRegister(0, HEADER, shown=HEADER)], "takes a word and a mask"),
        (DEVICE, [BankRegister(0, HEADER, shown=1, shown_mask=HEADER)], "none of the bank's values"),
        (DEVICE, [BankRegister(0, HEADER, follows=((32, 0),))], "ready flag"),
        (DEVICE, [BankRegister(0, HEADER, follows=((0, 300),))], "ready flag"),
        (DEVICE, [BankRegister(0, HEADER, follows=((0, 1),) * 9)], "too many"),
        (DEVICE, [BankRegister(0, HEADER, effects=(Effect(Verb.SET),) * 4)], "too many"),
        (DEVICE, [BankRegister(0, HEADER, effects=(Effect(Verb.SET, shift=32),))], "no such effect"),
        (DEVICE, [BankRegister(0, HEADER, told=1 << 32)], "no 32-bit word"),
        (DEVICE, [BankRegister(4 * place, HEADER) for place in range(256)], "255 registers"),
        (-1, [BankRegister(0, HEADER)], "positive int|convert|unsigned"),
        (1 << 32, [BankRegister(0, HEADER)], "32-bit"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(base: int, described: list[BankRegister], problem: str) -> None:
    """Nothing is bound, and the error says where and what is wrong."""
    core = start(halfwords(SPIN))
    with pytest.raises(RegisterBankError, match=problem):
        core.bind_registers(base, RegisterBank(2), described)
    core.bind_registers(DEVICE, RegisterBank(2), [BankRegister(0, HEADER)])


def test_a_block_is_bound_once() -> None:
    """A second bank at the same place is refused, one beside it is not, and both answer."""
    core, device = polling(RegisterBank(1), BankRegister(0, HEADER))
    with pytest.raises(RegisterBankError, match="bound there already"):
        core.bind_registers(DEVICE, RegisterBank(1), [BankRegister(0, HEADER)])
    core.bind_registers(OTHER, RegisterBank(1), [BankRegister(0, HEADER)])
    core.run(1000)
    assert device.reads == 0


def test_the_machine_refuses_what_is_no_bank() -> None:
    """Words that are no array of 32-bit words, and records that are not whole, are refused."""
    core = start(halfwords(SPIN))
    record = BankRegister(0, HEADER).record()
    for values in (array("H", [0] * 32), bytearray(33), array("d", [0] * 8)):
        with pytest.raises(ValueError, match="32-bit words"):
            core.bind_bank(DEVICE, values, record)  # type: ignore[arg-type]
    with pytest.raises((BufferError, TypeError)):
        core.bind_bank(DEVICE, bytes(64), record)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        core.bind_bank(DEVICE, RegisterBank(1).words, None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="whole records"):
        core.bind_bank(DEVICE, RegisterBank(1).words, record[:-1])
    for count in (1, HEADER, 4097):
        with pytest.raises(ValueError, match="8 to 4096 words"):
            core.bind_bank(DEVICE, array("I", [0] * count), record)
    core.bind_registers(DEVICE, RegisterBank(1), [BankRegister(0, HEADER)])


def test_a_bank_is_not_bound_from_inside_a_run() -> None:
    """A device that binds registers while it answers gets an error."""
    refused: list[RuntimeError] = []

    def bind() -> int:
        with pytest.raises(RuntimeError, match="not from inside run") as error:
            core.bind_registers(OTHER, RegisterBank(1), [BankRegister(0, HEADER)])
        refused.append(error.value)
        return 0

    core = start(halfwords(*constant(2, DEVICE), LDR, SPIN), device=Answering(bind))
    core.run(1000)
    assert len(refused) == 1


def test_bound_words_keep_their_size_and_go_with_the_core() -> None:
    """While a core answers from them an array of words cannot be resized; a core that is forgotten lets go of them."""
    bank = RegisterBank(1)
    core, _ = polling(bank, BankRegister(0, HEADER))
    with pytest.raises(BufferError):
        bank.words.append(0)
    gone = weakref.ref(core)
    del core
    gc.collect()
    assert gone() is None
    bank.words.append(0)


def test_a_snapshot_does_not_hold_the_bank() -> None:
    """A bank is the device's: restoring a core leaves its values as they are."""
    bank = RegisterBank(1)
    core, _ = polling(bank, BankRegister(0, HEADER))
    snapshot = core.snapshot()
    bank.words[HEADER] = 5
    core.restore(snapshot)
    assert bank.words[HEADER] == 5
    core.run(100)
    assert core.registers().r[1] == 5
