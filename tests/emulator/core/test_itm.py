"""The instrumentation trace macrocell: what a guest prints through its stimulus ports reaches the host."""

from __future__ import annotations

import pytest

from tests.emulator.core.conftest import MakeCore
from tests.emulator.guest import Machine, assemble, compile_c

ENABLE = """
    ldr r0, =0xE000EDFC
    ldr r1, =0x01000000
    str r1, [r0]
    ldr r0, =0xE0000000
    ldr r2, =0xE0000E00
    movw r1, #0x0003
    movt r1, #0x8000
    str r1, [r2]
    movs r1, #1
    str r1, [r2, #0x80]
"""

PRINTF = r"""
#define REG(address) (*(volatile unsigned *)(address))
#define PORT (*(volatile unsigned char *)0xE0000000)
static void send(char c)
{
    if ((REG(0xE0000E80) & 1) && (REG(0xE0000E00) & 1)) {
        while (REG(0xE0000000) == 0) {}
        PORT = (unsigned char)c;
    }
}
void main(void)
{
    REG(0xE000EDFC) |= 1u << 24;
    REG(0xE0000FB0) = 0xC5ACCE55;
    REG(0xE0040004) = 1;
    REG(0xE00400F0) = 2;
    REG(0xE0000E00) = 1;
    REG(0xE0000E80) = 0x10001;
    for (const char *at = "hello, SWO\n"; *at; at++) send(*at);
    __asm volatile("bkpt");
}
"""


def test_text_sent_as_drivers_send_it_arrives(make_core: MakeCore) -> None:
    """The usual driver (TRCENA, lock, TPIU, TER, TCR, wait for the FIFO, byte by byte) prints its text to the host."""
    machine, text = Machine(make_core(), compile_c(PRINTF)), bytearray()

    def output(port: int, size: int, value: int) -> None:
        assert (port, size) == (0, 1)
        text.append(value)

    machine.core.set_itm_output(output)
    machine.run()
    assert text == b"hello, SWO\n"
    machine = Machine(make_core(), compile_c(PRINTF))
    machine.run()
    assert machine.core.registers().exception == 0, "without anybody listening the guest does not notice"


def written(make_core: MakeCore, body: str) -> tuple[list[tuple[int, int, int]], Machine]:
    """Run a program with the ITM's base in r0 and its enable registers in r2; return what arrived."""
    machine, packets = Machine(make_core(), assemble(ENABLE + body)), []
    machine.core.set_itm_output(lambda port, size, value: packets.append((port, size, value)))
    machine.run(1000)
    return packets, machine


def test_ports_take_words_halfwords_and_bytes(make_core: MakeCore) -> None:
    """Port, size and value of each write arrive in order; ports that TER leaves off take nothing."""
    body = """
        ldr r1, =0x89ABCDEF
        str r1, [r0]
        strh r1, [r0, #4]
        strb r1, [r0, #124]
        str r1, [r0, #8]
        b .
    """
    packets, _ = written(make_core, body)
    assert packets == [(0, 4, 0x89AB_CDEF), (1, 2, 0xCDEF), (31, 1, 0xEF)]


@pytest.mark.parametrize("turn_off", ["str r3, [r2, #0x80]", "str r3, [r2]", "ldr r1, =0xE000EDFC\n str r3, [r1]"])
def test_whatever_is_off_takes_nothing_and_says_so(make_core: MakeCore, turn_off: str) -> None:
    """Without ITMENA, its TER bit or TRCENA a port reads as disabled, else as ready, and what is written is lost."""
    body = f"ldr r6, [r0]\n movs r3, #0\n {turn_off}\n str r3, [r0]\n ldr r7, [r0]\n b ."
    packets, machine = written(make_core, body)
    assert packets == []
    assert (machine.r(6), machine.r(7)) == (1, 2)


def test_unprivileged_code_has_the_ports_that_tpr_leaves_it(make_core: MakeCore) -> None:
    """Unprivileged code may read all, and write the ports of groups whose TPR bit is clear; it never faults."""
    body = """
        movs r1, #8
        str r1, [r2, #0x40]
        movs r1, #1
        msr control, r1
        isb
        movs r1, #0x41
        str r1, [r0]
        str r1, [r0, #124]
        ldr r6, [r0, #124]
        movs r3, #0
        str r3, [r2, #0x40]
        str r3, [r2, #0x80]
        str r3, [r2]
        ldr r7, [r2]
        ldr r8, [r2, #0x80]
        ldr r9, [r2, #0x40]
        b .
    """
    packets, machine = written(make_core, body)
    assert packets == [(0, 4, 0x41)]
    assert machine.core.registers().r[6:10] == (0, 0x8000_0000, 1, 8)


def test_what_the_listener_raises_comes_out_of_the_run(make_core: MakeCore) -> None:
    """An exception of the host's ends the run at the store, which is made again afterwards."""
    machine, packets = Machine(make_core(), assemble(f"{ENABLE}\n movs r1, #7\n here: str r1, [r0]\n b .")), []

    def output(port: int, size: int, value: int) -> None:
        packets.append((port, size, value))
        if len(packets) == 1:
            raise KeyError("full")

    machine.core.set_itm_output(output)
    with pytest.raises(KeyError, match="full"):
        machine.run(1000)
    assert machine.at("here")
    machine.run(1000)
    assert packets == [(0, 4, 7)] * 2
    machine.core.set_itm_output(None)
    machine.core.debug_write(0xE000_0000, 4, 9)
    assert len(packets) == 2
