"""The board's own register header: numbers, layouts, and what its functions write."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.board_support.firmware import BOARD, INCLUDES, STRICT, USUAL, Run, execute, gcc, link, write_sources

ISER, ICER, ISPR, ICPR, IPR = 0xE000E100, 0xE000E180, 0xE000E200, 0xE000E280, 0xE000E400


def compiles(tmp_path: Path, name: str, source: str, *options: str) -> str:
    """Compile one file with every warning an error; return what the compiler says, "" if it is content."""
    (file,) = write_sources(tmp_path, {name: source})
    language = "-std=c++17" if name.endswith(".cpp") else "-std=c11"
    done = gcc([*USUAL.options(), language, *STRICT, *INCLUDES, *options, "-c", file, "-o", tmp_path / "object.o"])
    assert (done.returncode != 0) == bool(done.stderr)
    return done.stderr


def run_main(tmp_path: Path, body: str) -> Run:
    """Execute `body` as main on a processor whose private peripherals are plain memory."""
    return execute(link(tmp_path, {"main.c": f'#include "stm32u585.h"\nint main(void) {{ {body} }}\n'}))


def word(run: Run, address: int) -> int:
    """Return a 32-bit register."""
    return int.from_bytes(run.memory(address, 4), "little")


@pytest.mark.parametrize("name", ["header.c", "header.cpp"])
def test_each_header_stands_alone_and_may_come_twice(tmp_path: Path, name: str) -> None:
    """C and C++ take the headers in any order, twice, with every warning on."""
    headers = ("stm32u585.h", "stm32u585_irqn.h", "stm32u585_addresses.h", "mv_syscalls.h")
    for header in headers:
        assert not compiles(tmp_path, name, f'#include "{header}"\n#include "{header}"\nint unused;\n')
    everything = "".join(f'#include "{header}"\n' for header in (*headers, *reversed(headers)))
    assert not compiles(tmp_path, name, f"{everything}int unused;\n")


@pytest.mark.parametrize("guard", ["STM32U585xx_H", "__CORE_CM33_H_GENERIC"])
def test_using_it_beside_sts_header_or_cmsis_is_one_clear_error(tmp_path: Path, guard: str) -> None:
    """Whoever includes both is told to choose, before hundreds of redefinitions."""
    said = compiles(tmp_path, "both.c", f'#define {guard}\n#include "stm32u585.h"\n')
    assert "include this or those, not both" in said


def test_an_application_with_its_own_register_names_links_against_start_up_and_stubs(tmp_path: Path) -> None:
    """Start-up, linker script and stubs claim none of the names a vendor's header or an RTOS defines."""
    source = """
        typedef enum { TIM8_BRK_IRQn = 51 } IRQn_Type;
        typedef struct { int x; } GPIO_TypeDef, NVIC_Type, SysTick_Type;
        unsigned SystemCoreClock = 4000000;
        GPIO_TypeDef GPIOA; NVIC_Type NVIC; SysTick_Type SysTick;
        void NVIC_EnableIRQ(IRQn_Type n); void NVIC_EnableIRQ(IRQn_Type n) { NVIC.x = (int)n; }
        void SystemCoreClockUpdate(void) { SystemCoreClock *= 2; }
        void *pxCurrentTCB; void vPortYield(void) {}
        int main(void) { NVIC_EnableIRQ(TIM8_BRK_IRQn); SystemCoreClockUpdate(); return GPIOA.x + SysTick.x; }"""
    link(tmp_path, {"main.c": source})


def test_interrupt_numbers_and_addresses_are_those_of_the_tables(tmp_path: Path) -> None:
    """Every name of interrupts.csv, peripherals.csv and rcc-registers.csv has its number in C."""
    numbers = {f"{name}_IRQn": number for number, name in {**BOARD.exceptions, **BOARD.interrupts}.items()}
    numbers |= {f"{block.name}_BASE": block.base for block in BOARD.peripherals}
    numbers |= {f"RCC_{register.name}": register.address for register in BOARD.rcc_registers}
    checks = "".join(f'_Static_assert({name} == {number}, "{name}");\n' for name, number in numbers.items())
    assert not compiles(tmp_path, "numbers.c", f'#include "stm32u585.h"\n{checks}')


@pytest.mark.parametrize(
    ("kind", "offsets"),
    [
        ("SysTick_Type", {"CTRL": 0, "LOAD": 4, "VAL": 8, "CALIB": 12}),
        (
            "NVIC_Type",
            {"ISER": 0, "ICER": 0x80, "ISPR": 0x100, "ICPR": 0x180, "IABR": 0x200, "ITNS": 0x280, "IPR": 0x300},
        ),
        ("SCB_Type", {"CPUID": 0, "VTOR": 8, "AIRCR": 12, "SHPR": 0x18, "SHCSR": 0x24, "CFSR": 0x28, "BFAR": 0x38}),
        (
            "GPIO_TypeDef",
            {
                "MODER": 0,
                "PUPDR": 12,
                "IDR": 16,
                "ODR": 20,
                "BSRR": 24,
                "LCKR": 28,
                "AFR": 32,
                "BRR": 40,
                "SECCFGR": 48,
            },
        ),
    ],
)
def test_registers_are_where_the_manuals_say(tmp_path: Path, kind: str, offsets: dict[str, int]) -> None:
    """Offsets: Armv8-M ARM, D1.2 (SysTick, NVIC, SCB) and RM0456, GPIO register map."""
    checks = "".join(f'_Static_assert(offsetof({kind}, {name}) == {at}, "{name}");\n' for name, at in offsets.items())
    assert not compiles(tmp_path, "layout.c", f'#include <stddef.h>\n#include "stm32u585.h"\n{checks}')


def test_an_interrupt_has_its_own_bit_in_each_bank(tmp_path: Path) -> None:
    """TIM8_BRK is interrupt 51: bit 19 of the second word of each set and clear bank."""
    for function, bank in (
        ("NVIC_EnableIRQ", ISER),
        ("NVIC_DisableIRQ", ICER),
        ("NVIC_SetPendingIRQ", ISPR),
        ("NVIC_ClearPendingIRQ", ICPR),
    ):
        run = run_main(tmp_path, f"{function}(TIM8_BRK_IRQn); {function}(SysTick_IRQn);")
        assert [word(run, bank + 4 * index) for index in range(4)] == [0, 1 << 19, 0, 0]


def test_priorities_are_in_the_upper_four_bits(tmp_path: Path) -> None:
    """A priority of 0 to 15 goes to the byte of its interrupt, or of its exception in SHPR, shifted by four."""
    run = run_main(tmp_path, "NVIC_SetPriority(TIM8_BRK_IRQn, 8); NVIC_SetPriority(PendSV_IRQn, 15);")
    assert run.memory(IPR + 50, 3) == b"\x00\x80\x00"
    assert run.memory(0xE000ED18, 12) == bytes(10) + b"\xf0\x00"


def test_systick_counts_from_one_less_than_the_period(tmp_path: Path) -> None:
    """SysTick_Config(n) reloads n - 1, starts the counter on the processor clock and enables its interrupt."""
    run = run_main(tmp_path, "(void)SysTick_Config(16000000);")
    assert [word(run, 0xE000E010 + 4 * index) for index in range(3)] == [7, 15_999_999, 0]


def test_a_period_of_more_than_24_bits_is_refused(tmp_path: Path) -> None:
    """SysTick_Config answers 1 to 2^24 + 1 and to 0, and leaves the timer alone; 2^24 is the longest there is."""
    run = run_main(tmp_path, "if (SysTick_Config((1UL << 24) + 1) && SysTick_Config(0)) SCB->VTOR = 1;")
    assert [word(run, 0xE000E010), word(run, 0xE000ED08)] == [0, 1]
    run = run_main(tmp_path, "SCB->VTOR = 2 + SysTick_Config(1UL << 24);")
    assert [word(run, 0xE000E014), word(run, 0xE000ED08)] == [0xFFFFFF, 2]
