"""Guests that are wrong, or mean to be: a run always ends, and always with a Stop."""

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mvsdk.emulator.core import Stop, StopReason
from tests.emulator.core.conftest import MakeCore
from tests.emulator.guest import CODE, DEVICE, FLASH, GATEWAY, RAM, Machine, assemble

NOTHING = assemble("b .")
SOMEWHERE = st.one_of(
    st.integers(0, 0xFFFF_FFFF),
    st.sampled_from([FLASH, CODE, RAM, RAM + 0x3_FFFC, DEVICE, GATEWAY, 0xE000_E000, 0xE000_ED00, 0xFFFF_FFB8]),
    st.integers(RAM, RAM + 0x3_FFFF),
)
ENDS = set(StopReason)


def stopped_well(machine: Machine, until: int) -> bool:
    """Run the guest on from whatever stops it, some times, and tell whether every end was a proper one."""
    for _ in range(6):
        stop = machine.core.run(until)
        if (
            not isinstance(stop, Stop)
            or stop.reason not in ENDS
            or (stop.fault is None) == (stop.reason is StopReason.FAULT)
        ):
            return False
        machine.core.registers()
        if stop.reason is StopReason.GATEWAY:
            machine.core.gateway_return(machine.core.gateway_call()[1])
        elif stop.reason is StopReason.IDLE:
            machine.core.pend(3)
        elif stop.reason is StopReason.RESET:
            machine.core.reset(FLASH)
        elif stop.reason is not StopReason.BREAKPOINT:
            break
    return machine.core.cycle <= until + 600


bounded = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@bounded
@given(code=st.binary(min_size=2, max_size=400), registers=st.lists(SOMEWHERE, min_size=15, max_size=15))
@example(code=bytes.fromhex("0447"), registers=[0x0800_0100] * 15)  # BXNS
@example(code=bytes.fromhex("8447"), registers=[0x0800_0100] * 15)  # BLXNS
@example(code=bytes.fromhex("8447"), registers=[0x0800_0100] * 13 + [4, 0])  # BLXNS with a stack pointer that wraps
def test_random_code_ends_in_a_stop(make_core: MakeCore, code: bytes, registers: list[int]) -> None:
    """Random bytes executed with random registers never hang, crash or raise."""
    machine = Machine(make_core(), NOTHING)
    machine.core.write_memory(CODE, code)
    for number, value in enumerate(registers):
        machine.core.write_register(f"r{number}", value)
    assert stopped_well(machine, 3000)


@bounded
@given(
    code=st.binary(min_size=2, max_size=100),
    vectors=st.lists(SOMEWHERE, min_size=64, max_size=64),
    start=SOMEWHERE,
    shcsr=st.sampled_from([0, 0x70000, 0xFFFF_FFFF]),
)
@example(code=b"\x00\xdf", vectors=[CODE | 1] * 64, start=CODE | 1, shcsr=0x70000)
@example(code=b"\x00\xde", vectors=[0xFFFF_FFFD] * 64, start=CODE | 1, shcsr=0x70000)
def test_random_vectors_end_in_a_stop(
    make_core: MakeCore, code: bytes, vectors: list[int], start: int, shcsr: int
) -> None:
    """A vector table of random words, random code in RAM and flash and a level stuck high do no harm either."""
    machine = Machine(make_core(), NOTHING)
    table = b"".join(word.to_bytes(4, "little") for word in (0x2002_0000, start, *vectors[2:]))
    machine.core.write_memory(FLASH, table)
    for address in (CODE, RAM, RAM + 0x400):
        machine.core.write_memory(address, code)
    machine.core.reset(FLASH)
    machine.core.write_memory(CODE - 0x100, enabling(shcsr))
    machine.core.write_register("r15", CODE - 0x100)
    machine.core.set_line(3, True)
    assert stopped_well(machine, 3000)


def enabling(shcsr: int) -> bytes:
    """Return code that enables faults and interrupt 3 and goes on at `CODE`."""
    program = assemble(
        f"""
        ldr r0, =0xE000ED24
        ldr r1, ={shcsr:#x}
        str r1, [r0]
        ldr r0, =0xE000E100
        movs r1, #8
        str r1, [r0]
        ldr r0, ={CODE | 1:#x}
        bx r0
        """
    )
    return program.code


@bounded
@given(accesses=st.lists(st.tuples(st.integers(0, 0xFFFFF), st.sampled_from("bhw"), SOMEWHERE), max_size=25))
def test_random_writes_to_private_peripherals_end_in_a_stop(
    make_core: MakeCore, accesses: list[tuple[int, str, int]]
) -> None:
    """Whatever a guest writes into the private peripheral bus, the core survives it."""
    store = {"b": bytes.fromhex("0170"), "h": bytes.fromhex("0180"), "w": bytes.fromhex("0160")}  # str? r1, [r0]
    machine = Machine(make_core(), NOTHING)
    for anywhere, width, value in accesses:
        offset = (anywhere & 0xFFF) + 0xE000 if anywhere & 0x1_0000 else anywhere
        machine.core.write_memory(CODE, store[width] + bytes.fromhex("bff36f8f fee7"))  # isb; b .
        machine.core.write_register("r0", 0xE000_0000 + offset)
        machine.core.write_register("r1", value)
        machine.core.write_register("r15", CODE)
        assert stopped_well(machine, machine.core.cycle + 50)


def test_endless_loops_are_bounded_by_the_deadline(make_core: MakeCore) -> None:
    """Spinning, also with everything masked and something pending, ends at the deadline."""
    for body in ("b .", "cpsid i\n ldr r0, =0xE000ED04\n mov r1, #1 << 28\n str r1, [r0]\n b .", "1: svc #0\n b 1b"):
        machine = Machine(make_core(), assemble(body + "\n .thumb_func\n handler: bx lr"), {11: "handler"})
        assert machine.run(5000).reason is StopReason.DEADLINE
        assert 5000 <= machine.core.cycle < 5600
