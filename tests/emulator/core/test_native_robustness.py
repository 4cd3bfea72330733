"""What the native core holds to when a guest, a debugger or a saved state is unkind to it."""

import struct

import pytest

from mvsdk.emulator.core import StopReason
from mvsdk.emulator.core.native_core import NativeCore
from tests.emulator.core.small_guest import (
    BX_LR,
    CODE,
    DEVICE,
    FLASH,
    GATEWAY,
    HANDLER,
    NOP,
    PAGE,
    RAM,
    SPIN,
    SVC,
    Answering,
    constant,
    halfwords,
    start,
)  # fmt: skip

END_OF_TIME = 1 << 62
MPU_CTRL, MPU_RBAR = 0xE000_ED94, 0xE000_ED9C


def test_a_saved_state_with_any_byte_changed_is_refused_or_runs() -> None:
    """No single byte of a saved state's header or registers can be changed so that the core it gives breaks."""
    code = halfwords(*constant(0, RAM), 0x6801, 0x3101, 0x6001, SVC, 0xE7FA)
    core = start(code)
    core.run(50)
    good = core.save()
    registers = good.index(struct.pack("<2I", FLASH, PAGE))
    for at in range(registers):
        for value in (0, 0x80, 0xFF):
            bad = bytearray(good)
            bad[at] = value
            try:
                core.load(bytes(bad))
            except ValueError:
                continue
            core.run(core.cycle + 200)
            core.load(core.save())
    core.load(good)
    assert core.save() == good


def test_a_saved_state_cut_short_or_made_longer_is_refused() -> None:
    """A saved state is as long as it is: every shorter one and every longer one is none."""
    core = start(halfwords(SPIN))
    good = core.save()
    for size in range(0, len(good), 37):
        with pytest.raises(ValueError, match="is not one"):
            core.load(good[:size])
    with pytest.raises(ValueError, match="is not one"):
        core.load(good + b"\0")
    assert core.save() == good


def test_the_exception_number_of_a_strange_frame_survives_saving() -> None:
    """IPSR holds nine bits whatever exceptions there are; a state that a guest can make can be kept."""
    core = start(halfwords(SPIN))
    core.write_register("xpsr", 0x0100_01FF)
    kept = core.save()
    core.load(kept)
    assert core.registers().exception == 0x1FF


def test_time_has_an_end_and_the_core_gets_there() -> None:
    """A run beyond the last cycle comes back at it, with SysTick running, and the state can be kept."""
    code = halfwords(*constant(0, 0xE000_E010), 0x2107, 0x6041, 0x6001, SPIN)
    core = start(code)
    core.run(100)
    core.skip_to(END_OF_TIME - 50)
    assert core.run((1 << 64) - 1).reason is StopReason.DEADLINE
    assert END_OF_TIME <= core.cycle <= END_OF_TIME + 1
    core.load(core.save())
    assert core.run((1 << 64) - 1).reason is StopReason.DEADLINE


def test_code_that_goes_on_into_the_next_range_is_watched_there_too() -> None:
    """A write to code decoded across the border of two ranges is seen by the next execution of it."""
    core = start(halfwords(SPIN))
    core.map_memory(RAM + PAGE, PAGE, writable=True)
    core.write_memory(RAM + PAGE - 2, halfwords(NOP, 0x2001, BX_LR))  # movs r0, #1
    core.write_register("r14", CODE | 1)
    for expected in (1, 2):
        core.write_memory(RAM + PAGE, halfwords(0x2000 | expected))
        core.write_register("r15", RAM + PAGE - 2)
        core.run(core.cycle + 10)
        assert core.registers().r[0] == expected


def test_memory_written_before_a_reset_is_what_runs_after_it() -> None:
    """A reset does not bring back what the code was before somebody changed it."""
    core = start(halfwords(0x2001, SPIN))
    core.run(10)
    core.write_memory(CODE, halfwords(0x2002, SPIN))
    core.reset(FLASH)
    core.run(core.cycle + 10)
    assert core.registers().r[0] == 2


def test_a_breakpoint_left_behind_stops_the_next_time() -> None:
    """Going on from elsewhere than the breakpoint does not use up its being stepped over, wherever the run is cut."""
    core = start(halfwords(NOP, NOP, NOP, SPIN))
    core.set_breakpoints([CODE + 4])
    assert core.run(100).reason is StopReason.BREAKPOINT
    core.write_register("r15", CODE)
    assert core.run(core.cycle + 2).reason is StopReason.DEADLINE
    assert core.registers().pc == CODE + 4
    assert core.run(core.cycle + 10).reason is StopReason.BREAKPOINT


def test_a_breakpoint_on_a_gateway_comes_before_the_call() -> None:
    """Where both lie the breakpoint stops first and the gateway next; neither is lost."""
    core = start(halfwords(*constant(0, GATEWAY | 1), 0x4780, SPIN))
    core.set_breakpoints([GATEWAY])
    assert core.run(100).reason is StopReason.BREAKPOINT
    assert core.run(100).reason is StopReason.GATEWAY
    assert core.gateway_call()[0] == GATEWAY
    core.gateway_return(7)
    assert core.run(100).reason is StopReason.DEADLINE
    assert core.registers().r[0] == 7


def test_going_on_from_a_breakpoint_where_nothing_is_mapped_is_the_fault_it_would_be() -> None:
    """A breakpoint hides no fault: the step over it meets it."""
    core = start(halfwords(*constant(0, 0x6000_0001), 0x4700))
    core.set_breakpoints([0x6000_0000])
    assert core.run(100).reason is StopReason.BREAKPOINT
    assert core.run(100).reason is StopReason.FAULT


def protected_store(before: tuple[int, ...], after: tuple[int, ...]) -> NativeCore:
    """Return a core that turns on an MPU whose regions leave RAM's second half read-only, and stores there.

    `before` and `after` surround the first of the two stores.
    """
    region = RAM + PAGE // 2
    code = (
        *constant(0, MPU_RBAR),
        *constant(1, region | 6),  # read-only, privileged and not
        *constant(2, RAM + PAGE - 31),
        *(0x6001, 0x6042),
        *constant(0, MPU_CTRL),
        *(0x2105, 0x6001),  # enabled, and the default map for the privileged
        *constant(3, region),
        *before,
        *(0x601B,),
        *after,
        *(0x601B, SPIN),
    )
    return start(halfwords(*code), stack=RAM + PAGE // 2)


def test_what_faultmask_opened_is_shut_after_it() -> None:
    """With FAULTMASK the MPU does not hold, and what was stored then is not open to anybody later."""
    core = protected_store((0xB671,), (0xB661,))  # cpsid f, cpsie f
    stop = core.run(200)
    assert core.read_memory(RAM + PAGE // 2, 4) == struct.pack("<I", RAM + PAGE // 2)
    assert stop.reason is StopReason.FAULT
    assert stop.fault is not None
    assert stop.fault.mmfar == RAM + PAGE // 2


def test_the_mpu_stops_the_first_store_without_faultmask() -> None:
    """The same guest with its masks left alone does not get as far."""
    core = protected_store((NOP,), (NOP,))
    assert core.run(200).reason is StopReason.FAULT
    assert core.read_memory(RAM + PAGE // 2, 4) == bytes(4)


def test_a_request_for_reset_is_saved_and_met() -> None:
    """SYSRESETREQ stops the run that makes it, once, and the core goes on behind it."""
    code = halfwords(*constant(0, 0xE000_ED0C), *constant(1, 0x05FA_0004), 0x6001, SPIN)
    core = start(code)
    assert core.run(100).reason is StopReason.RESET
    core.load(core.save())
    assert core.run(100).reason is StopReason.DEADLINE


def test_a_supervisor_call_that_cannot_be_taken_leaves_the_it_block_as_it_was() -> None:
    """A fatal SVC inside an IT block stops with the registers of the SVC, ITSTATE among them."""
    core = start(halfwords(0xB672, 0xBF18, SVC, SPIN), handler=halfwords(SPIN))  # cpsid i; it ne
    assert core.run(100).reason is StopReason.FAULT
    registers = core.registers()
    assert registers.pc == CODE + 4
    assert registers.xpsr & 0x0600_FC00 == 0x0000_1800  # condition NE, one instruction left
    assert core.cycle == 2


def test_a_guest_that_runs_everywhere_is_not_kept_everywhere() -> None:
    """What is decoded of a guest is bounded, and what is forgotten is decoded again."""
    core = start(halfwords(SPIN))
    core.map_memory(0x0A00_0000, 1 << 20, writable=False)
    for address in range(0x0A00_0000, 0x0A00_0000 + (1 << 18), 2):
        core.write_register("r15", address)
        core.run(core.cycle + 1)
    assert core.registers().pc == 0x0A00_0000 + (1 << 18)
    assert core.run(core.cycle + 1).reason is StopReason.DEADLINE


def test_handlers_of_interrupts_that_do_not_exist_are_never_entered() -> None:
    """The lines beyond those a core was made with can be neither raised nor enabled, by anybody."""
    core = NativeCore(interrupts=3)
    core.map_memory(FLASH, PAGE, writable=False)
    core.map_memory(RAM, PAGE, writable=True)
    core.write_memory(FLASH, struct.pack("<2I", RAM + PAGE, CODE | 1) + struct.pack("<I", HANDLER | 1) * 62)
    enable_and_pend = (*constant(0, 0xE000_E100), *constant(1, 0xFFFF_FFF8), 0x6001, 0xF8C0, 0x1100, SPIN)
    core.write_memory(CODE, halfwords(*enable_and_pend))
    core.write_memory(HANDLER, halfwords(SPIN))
    core.reset(FLASH)
    core.run(100)
    assert core.registers().exception == 0
    with pytest.raises(ValueError, match="no interrupt"):
        core.pend(3)
    assert core.registers().r[0] != DEVICE


@pytest.mark.parametrize(
    ("store", "bits"),
    [((0xE8C0, 0x1F8F), 8), ((0xE8C0, 0x1F9F), 16), ((0xF800, 0x1E00), 8), ((0xF820, 0x1E00), 16)],
    ids=["stlb", "stlh", "strbt", "strht"],
)
def test_a_device_is_given_only_the_bits_that_are_stored(store: tuple[int, int], bits: int) -> None:
    """A narrow store hands a device a value of its own width, whichever instruction makes it."""
    device = Answering()
    code = (*constant(0, DEVICE), *constant(1, 0x1234_5678), *store)
    core = start(halfwords(*code, SPIN), device=device)
    core.run(20)
    assert device.writes == [(0, 0x1234_5678 & ((1 << bits) - 1))]


@pytest.mark.parametrize("branch", [(0xF000, 0xF804), (0xE003,)], ids=["bl", "b"])
def test_a_branch_in_an_it_block_is_passed_where_its_condition_fails(branch: tuple[int, ...]) -> None:
    """Whether a conditional branch was taken before says nothing about whether it is taken now."""
    # 1: tst r0, r2; it ne; b(l) f; adds r0, #1; cmp r0, #6; bne 1b; spin; f: adds r1, #1; back to the adds
    again, back = (0xD1F9, 0xE7F9) if len(branch) == 1 else (0xD1F8, BX_LR)
    code = (0x2000, 0x2100, 0x2201, 0x4210, 0xBF18, *branch, 0x3001, 0x2806, again, SPIN, 0x3101, back)
    core = start(halfwords(*code))
    core.run(300)
    assert core.registers().r[:2] == (6, 3)


def under_mpu(regions: tuple[tuple[int, int], ...], *code: int) -> NativeCore:
    """Return a core that sets up MPU regions (RBAR, RLAR), switches the MPU on without a default map, and goes on."""
    set_up: list[int] = []
    for number, (base, limit) in enumerate(regions):
        set_up += (*constant(0, MPU_RBAR - 4), *constant(1, number), *constant(2, base), *constant(3, limit))
        set_up += (0x6001, 0x6042, 0x6083)
    enable = (*constant(0, MPU_CTRL), 0x2101, 0x6001)
    return start(halfwords(*set_up, *enable, *code))


def test_vectors_are_read_whatever_the_mpu_says() -> None:
    """An exception finds its handler although no region lets anybody read the vector table."""
    no_vectors = ((CODE, (FLASH + PAGE - 32) | 1), (RAM, (RAM + PAGE - 32) | 1))
    core = under_mpu(no_vectors, SVC, SPIN)
    core.write_memory(HANDLER, halfwords(0x2707, BX_LR))  # movs r7, #7
    assert core.run(200).reason is StopReason.DEADLINE
    assert core.registers().r[7] == 7


def test_no_region_makes_the_system_space_executable() -> None:
    """Code above 0xE0000000 is not executed, whatever a region of the MPU grants there."""
    system = 0xF000_0000
    regions = ((FLASH, (FLASH + PAGE - 32) | 1), (RAM, (RAM + PAGE - 32) | 1), (system, (system + PAGE - 32) | 1))
    core = under_mpu(regions, *constant(0, system | 1), 0x4700)
    core.map_memory(system, PAGE, writable=True)
    core.write_memory(system, halfwords(SPIN))
    stop = core.run(200)
    assert stop.fault is not None
    assert stop.fault.cfsr == 1  # IACCVIOL


def test_regions_do_not_reach_the_private_bus() -> None:
    """Unaligned words of the system control space fault as ever where a region calls it Normal memory."""
    attributes = (*constant(0, 0xE000_EDC0), 0x21FF, 0x6001)
    private = 0xE000_E000
    regions = ((FLASH, (FLASH + PAGE - 32) | 1), (RAM, (RAM + PAGE - 32) | 1), (private, (private + PAGE - 32) | 1))
    core = under_mpu(regions, *attributes, *constant(0, 0xE000_ED02), 0x6801, SPIN)
    stop = core.run(200)
    assert stop.fault is not None
    assert stop.fault.cfsr == 1 << 24  # UNALIGNED


@pytest.mark.parametrize("number", [0, -1, 481, 1 << 32 | 8])
def test_a_core_has_one_to_480_interrupts(number: int) -> None:
    """No other number of interrupt lines is taken, however it would look cut to 32 bits."""
    with pytest.raises((ValueError, OverflowError)):
        NativeCore(interrupts=number)
