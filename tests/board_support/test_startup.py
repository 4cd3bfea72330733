"""From reset to main: start-up code, vector table and C library on the bare board, executed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.board_support.firmware import BOARD, FULL_LIBRARY, Elf, Flavour, execute, gcc, link, try_link

EMPTY = {"main.c": "int main(void) { return 0; }\n"}


def vectors(elf: Elf) -> list[int]:
    """Return the words of the vector table."""
    return [elf.word(BOARD.flash.base + 4 * index) for index in range(BOARD.vector_words)]


def test_the_vector_table_is_at_the_start_of_flash_and_padded_to_8_bytes(tmp_path: Path) -> None:
    """The section holds 141 words, rounded up to 568 bytes, where the kernel looks for it."""
    elf = link(tmp_path, EMPTY)
    assert elf.section(".isr_vector") == (0x08000000, 568)


def test_the_table_begins_with_the_end_of_ram_and_the_reset_handler(tmp_path: Path) -> None:
    """The kernel starts an application with word 0 as stack pointer and word 1 as Thumb entry point."""
    elf = link(tmp_path, EMPTY)
    assert vectors(elf)[:2] == [0x20080000, elf.symbols["Reset_Handler"]]
    assert elf.entry == elf.symbols["Reset_Handler"]
    assert elf.entry & 1


def test_every_handler_an_application_defines_is_in_its_own_slot(tmp_path: Path) -> None:
    """Word 16 + n of the table is the handler of interrupt n, for all 125 interrupts and all exceptions."""
    own = {number: handler for number, handler in BOARD.handlers.items() if handler != "Reset_Handler"}
    source = "".join(f"int {handler}_ran; void {handler}(void) {{ {handler}_ran++; }}\n" for handler in own.values())
    elf = link(tmp_path, {"main.c": '#include "stm32u585.h"\n' + source + EMPTY["main.c"]})
    table = vectors(elf)
    assert {number: table[16 + number] for number in own} == {n: elf.symbols[name] for n, name in own.items()}
    assert len({table[16 + number] for number in own}) == len(own)


def test_reserved_words_are_zero_and_all_others_lead_to_the_default_handler(tmp_path: Path) -> None:
    """A slot without a meaning holds 0; a slot whose handler nobody defined holds the default one."""
    elf = link(tmp_path, EMPTY)
    table = vectors(elf)
    reserved = {index for index in range(2, BOARD.vector_words) if index - 16 not in BOARD.handlers}
    assert reserved == {8, 9, 10, 13}
    for index in range(2, BOARD.vector_words):
        assert table[index] == (0 if index in reserved else elf.symbols["Default_Handler"])


def test_initialised_data_is_copied_and_zeroed_data_is_zero_before_main(tmp_path: Path) -> None:
    """C's promise on static objects holds whatever RAM held before: here 0xA5 everywhere."""
    source = """
        #include <stdint.h>
        static volatile uint8_t odd[13] = "thirteen byte";
        static volatile uint64_t wide = 0x0123456789abcdefULL;
        static volatile uint8_t zeroes[1001];
        int verdict = 7;
        int main(void) {
            int sum = 0;
            for (unsigned i = 0; i < sizeof zeroes; i++) sum += zeroes[i];
            verdict = odd[12] == 'e' && wide == 0x0123456789abcdefULL && sum == 0;
        }"""
    elf = link(tmp_path, {"main.c": source})
    assert execute(elf).memory(elf.symbols["verdict"], 4) == b"\1\0\0\0"


def test_sections_of_the_applications_own_are_initialised_and_in_place(tmp_path: Path) -> None:
    """A section name nobody knows gives no trap: constants stay in flash, variables get their values."""
    source = """
        __attribute__((section("settings"))) int variable = 7;
        __attribute__((section(".table"))) const int constant = 8;
        __attribute__((section(".fast_data"), aligned(64))) int aligned_variable = 9;
        __attribute__((section(".backup"))) int backup = 11;
        __attribute__((section(".nvm"))) int nvm = 12;
        extern const int __start_commands[], __stop_commands[];
        __attribute__((section("commands"), used)) static const int command = 10;
        volatile int copy[6];
        int main(void) {
            copy[0] = *(volatile int *)&variable;
            copy[1] = *(const volatile int *)&constant;
            copy[2] = *(volatile int *)&aligned_variable;
            copy[4] = *(volatile int *)&backup;
            copy[5] = *(volatile int *)&nvm;
            for (const volatile int *each = __start_commands; each < __stop_commands; each++) copy[3] += *each;
        }"""
    elf = link(tmp_path, {"main.c": source})
    assert execute(elf).memory(elf.symbols["copy"], 24)[::4] == bytes([7, 8, 9, 10, 11, 12])
    assert BOARD.flash.contains(elf.symbols["constant"])
    assert elf.symbols["aligned_variable"] % 64 == 0


def test_noinit_data_is_left_alone(tmp_path: Path) -> None:
    """What an application puts into .noinit outlives a restart: the start-up code does not touch it."""
    source = """
        __attribute__((section(".noinit"))) volatile unsigned kept;
        volatile unsigned seen;
        int main(void) { seen = kept; }"""
    elf = link(tmp_path, {"main.c": source})
    assert execute(elf).memory(elf.symbols["seen"], 4) == b"\xa5" * 4


def test_a_main_that_returns_leaves_the_application_asleep(tmp_path: Path) -> None:
    """Returning from main neither restarts the program nor runs into whatever lies behind."""
    elf = link(tmp_path, EMPTY)
    run = execute(elf)
    start = elf.symbols["__mvsdk_start"] & ~1
    assert start <= run.pc < start + 0x80


@pytest.mark.parametrize("level", ["-Og", "-Os", "-O2", "-O3"])
def test_start_up_calls_no_memcpy_or_memset(tmp_path: Path, level: str) -> None:
    """Both may be the application's own and need their data; and a program that uses neither does not hold them."""
    source = "char big[64] = {1}, zeroes[64]; int main(void) { return big[0] + zeroes[0]; }"
    symbols = link(tmp_path, {"main.c": source}, flavour=Flavour(optimisation=level)).symbols
    assert not {"memcpy", "memset"} & set(symbols)


def test_system_init_runs_before_constructors_and_main(tmp_path: Path) -> None:
    """An application's own SystemInit (ST's system file, for one) is called first, with its data in place."""
    source = """
        static int order = 1;
        int system_init, constructor, in_main;
        void SystemInit(void) { system_init = order++; }
        __attribute__((constructor)) static void construct(void) { constructor = order++; }
        int main(void) { in_main = order++; }"""
    elf = link(tmp_path, {"main.c": source})
    run = execute(elf)
    steps = [run.memory(elf.symbols[name], 4)[0] for name in ("system_init", "constructor", "in_main")]
    assert steps == [1, 2, 3]


def test_cpp_constructors_are_in_init_array_and_run_in_order(tmp_path: Path) -> None:
    """Objects of one file are constructed from top to bottom, those with a priority before all others."""
    source = """
        static int order = 1;
        struct Thing { int at; Thing() : at(order++) {} };
        Thing first, second;
        __attribute__((init_priority(200))) Thing early;
        int main() {}"""
    elf = link(tmp_path, {"main.cpp": source}, "-fno-exceptions", "-fno-rtti")
    _, size = elf.section(".init_array")
    assert size >= 8
    run = execute(elf)
    assert [run.memory(elf.symbols[name], 4)[0] for name in ("early", "first", "second")] == [1, 2, 3]


def test_cpp_exceptions_are_caught(tmp_path: Path) -> None:
    """With -fexceptions and the full library a thrown object finds its handler, and destructors run on the way."""
    source = """
        int gone, caught;
        struct Guard { ~Guard() { gone++; } };
        __attribute__((noinline)) void fail(int value) { Guard guard; if (value) throw value; }
        int main() { try { fail(42); } catch (int value) { caught = value; } }"""
    elf = link(tmp_path, {"main.cpp": source}, "-fexceptions", flavour=FULL_LIBRARY)
    run = execute(elf)
    assert (run.memory(elf.symbols["gone"], 4)[0], run.memory(elf.symbols["caught"], 4)[0]) == (1, 42)


def test_printf_logs_one_message_per_line(tmp_path: Path) -> None:
    """What is printed goes to the log by the line, without line ends; a longer text is cut at what a message holds."""
    source = r"""
        #include <stdio.h>
        #include <string.h>
        int main(void) {
            static char text[1500];
            memset(text, 'x', sizeof text - 1);
            printf("one\ntwo: %d\n\n", 2);
            printf("in pie");
            printf("ces\n");
            fputs(text, stderr);
        }"""
    log = execute(link(tmp_path, {"main.c": source})).log
    assert log[:3] == ["one", "two: 2", "in pieces"]
    assert "".join(log[3:]) == "x" * 1499
    assert max(map(len, log)) <= 1024


def test_malloc_ends_where_the_stack_is_kept_free(tmp_path: Path) -> None:
    """The heap grows from `end` up to the room kept for the main stack, and malloc says so instead of going on."""
    source = """
        #include <stdint.h>
        #include <stdlib.h>
        #include <errno.h>
        uintptr_t lowest, highest; int error;
        int main(void) {
            for (char *block; (block = malloc(1000)) != NULL; highest = (uintptr_t)block + 1000)
                if (!lowest) lowest = (uintptr_t)block;
            error = errno;
        }"""
    elf = link(tmp_path, {"main.c": source})
    run = execute(elf)
    lowest, highest = (int.from_bytes(run.memory(elf.symbols[name], 4), "little") for name in ("lowest", "highest"))
    assert elf.symbols["end"] <= lowest < elf.symbols["end"] + 16
    assert 0x20080000 - 0x2000 - 2048 < highest <= 0x20080000 - 0x2000
    assert run.memory(elf.symbols["error"], 4)[0] == 12


def test_sbrk_gives_memory_back_but_not_below_the_heap(tmp_path: Path) -> None:
    """A negative increment frees; one that reaches into the program's data is refused and changes nothing."""
    source = """
        #include <stdint.h>
        void *_sbrk(intptr_t);
        char *start, *after, *refused, *still;
        int main(void) {
            start = _sbrk(64);
            (void)_sbrk(-64);
            after = _sbrk(0);
            refused = _sbrk(-8);
            still = _sbrk(0);
        }"""
    elf = link(tmp_path, {"main.c": source})
    run = execute(elf)
    values = [int.from_bytes(run.memory(elf.symbols[n], 4), "little") for n in ("start", "after", "refused", "still")]
    end = elf.symbols["end"]
    assert values == [end, end, 0xFFFFFFFF, end]


def test_abort_and_a_failed_assertion_leave_the_application_asleep(tmp_path: Path) -> None:
    """abort() ends in _exit, which sleeps; the message of assert() is in the log."""
    source = '#include <assert.h>\nint main(void) { assert(!"this"); }\n'
    run = execute(link(tmp_path, {"main.c": source}))
    assert "this" in "".join(run.log)


def test_an_application_replaces_any_stub_and_handler(tmp_path: Path) -> None:
    """Every function of the board's files is weak: an own definition links without a word and is the one used."""
    source = """
        #include <stddef.h>
        static char heap[64];
        int written;
        void Reset_Handler(void);
        void *_sbrk(ptrdiff_t n) { (void)n; return heap; }
        int _write(int f, const char *t, int n) { (void)f; (void)t; written += n; return n; }
        void Default_Handler(void) { for (;;) ; }
        void _exit(int s) { (void)s; for (;;) ; }
        int main(void) { return _write(1, "abc", 3) - 3; }"""
    elf = link(tmp_path, {"main.c": source})
    run = execute(elf)
    assert run.memory(elf.symbols["written"], 4)[0] == 3
    assert not run.calls


def test_an_rtos_port_brings_its_own_svc_pendsv_and_systick(tmp_path: Path) -> None:
    """Handlers written in assembler, in a file of their own, are in slots 11, 14 and 15, as FreeRTOS asserts."""
    port = """
        .syntax unified
        .thumb
        .macro handler name
        .section .text.\\name, "ax"
        .global \\name
        .type \\name, %function
        .thumb_func
    \\name: bx lr
        .endm
        handler SVC_Handler
        handler PendSV_Handler
        handler SysTick_Handler
    """
    table_check = """
        #include <stdint.h>
        extern uint32_t g_pfnVectors[];
        uint32_t *table = g_pfnVectors;
        int main(void) { return 0; }"""
    elf = link(tmp_path, {"port.S": port, "main.c": table_check})
    table = vectors(elf)
    names = ("SVC_Handler", "PendSV_Handler", "SysTick_Handler")
    assert [table[11], table[14], table[15]] == [elf.symbols[name] for name in names]
    assert all(elf.symbols[name] & 1 for name in names)


def test_all_symbols_of_sts_linker_scripts_are_there(tmp_path: Path) -> None:
    """Start-up, heap and HAL code written for ST's scripts finds every name it knows, in the right order."""
    names = ("_sdata", "_edata", "_sbss", "_ebss", "end", "_estack")
    others = ("_sidata", "_end", "__bss_start__", "__bss_end__", "_Min_Heap_Size", "_Min_Stack_Size", "_etext")
    declarations = "".join(f"extern char {name}[]; char *p{name} = {name};\n" for name in names + others)
    pointers = ", ".join(f"p{name}" for name in names + others)
    source = f"{declarations} int value = 1; int zero; char *volatile all;"
    source += f"int main(void) {{ char *list[] = {{{pointers}}}; all = list[value + zero]; return 0; }}"
    symbols = link(tmp_path, {"main.c": source}).symbols
    assert [symbols[name] for name in names] == sorted(symbols[name] for name in names)
    assert symbols["_sdata"] == 0x20000000
    assert symbols["_estack"] == 0x20080000
    assert symbols["_end"] == symbols["end"] == symbols["__bss_end__"] == symbols["_ebss"]
    assert (symbols["_Min_Heap_Size"], symbols["_Min_Stack_Size"]) == (0x2000, 0x2000)
    aligned = ("_sidata", "_sdata", "_edata", "_sbss", "_ebss", "end", "_estack")
    assert all(symbols[name] % 8 == 0 for name in aligned)


def test_too_much_code_is_a_linker_error_that_names_the_flash(tmp_path: Path) -> None:
    """One byte more than 1 MiB of flash does not link, and the message says which memory and by how much."""
    source = "const char big[1 << 20] = {1}; const char *volatile use; int main(void) { use = big; }"
    done = try_link(tmp_path, {"main.c": source})
    assert done.returncode != 0
    assert "region `FLASH' overflowed by" in done.stderr


def test_too_much_data_is_a_linker_error_that_names_the_ram(tmp_path: Path) -> None:
    """Static data that leaves less than the least heap and stack does not link."""
    source = "static char big[0x80000 - 0x4000 + 8]; char *volatile use; int main(void) { use = big; }"
    done = try_link(tmp_path, {"main.c": source})
    assert done.returncode != 0
    assert "region `RAM' overflowed by" in done.stderr


def test_heap_and_stack_can_be_asked_for_on_the_command_line(tmp_path: Path) -> None:
    """--defsym=_Min_Stack_Size changes what is kept free; a program that had room before has none then."""
    source = {"main.c": "static char big[400 << 10]; char *volatile use; int main(void) { use = big; }"}
    roomy = link(tmp_path, source, "-Wl,--defsym=_Min_Stack_Size=0x4000")
    assert roomy.section("._user_heap_stack")[1] == 0x6000
    assert try_link(tmp_path, source, "-Wl,--defsym=_Min_Stack_Size=0x40000").returncode != 0


def test_zeroed_data_takes_no_flash(tmp_path: Path) -> None:
    """900 KiB of constants and 480 KiB of zeroed data fit beside each other."""
    source = """
        const char constants[900 << 10] = {1}; static char zeroes[480 << 10];
        const char *volatile a; char *volatile b;
        int main(void) { a = constants; b = zeroes; }"""
    elf = link(tmp_path, {"main.c": source})
    assert sum(len(data) for _, _, data in elf.segments) < 0x100000
    assert all(BOARD.flash.contains(base, len(data)) for base, _, data in elf.segments)


def test_programs_follow_the_soft_float_convention(tmp_path: Path) -> None:
    """Objects of other soft-float builds, the original samples among them, link; a float is returned in r0."""
    link(tmp_path, {"main.c": "float half(float x) { return x / 2; } int main(void) { return (int)half(3); }"})
    flags = gcc(["-mfloat-abi=hard", "-c", tmp_path / "main.c", "-o", tmp_path / "hard.o"])
    assert flags.returncode == 0
    done = try_link(tmp_path, EMPTY, str(tmp_path / "hard.o"))
    assert done.returncode != 0
    assert "VFP register arguments" in done.stderr


def test_the_fpu_is_on_before_compiled_code_may_use_it(tmp_path: Path) -> None:
    """Built for hard float, the start-up code grants access to CP10 and CP11 in CPACR; built for soft, it does not."""
    source = {"main.c": "volatile float x = 3; int main(void) { x = x / 2; }"}
    for float_abi, expected in (("-mfloat-abi=hard", 0xF << 20), ("-mfloat-abi=soft", 0)):
        elf = link(tmp_path, source, flavour=Flavour(float_abi=float_abi))
        run = execute(elf)
        assert int.from_bytes(run.memory(0xE000ED88, 4), "little") == expected
        assert run.memory(elf.symbols["x"], 4) == b"\x00\x00\xc0\x3f"


def test_link_time_optimisation_keeps_the_vector_table_and_what_it_leads_to(tmp_path: Path) -> None:
    """With -flto everywhere the program starts, an own handler is in its slot, and printf reaches the log."""
    source = """
        #include <stdio.h>
        int ticks;
        void SysTick_Handler(void);
        void SysTick_Handler(void) { ticks++; }
        int main(void) { printf("optimised\\n"); return 0; }"""
    elf = link(tmp_path, {"main.c": source}, flavour=Flavour(optimisation="-Os -flto"))
    assert elf.word(BOARD.flash.base + 4 * 15) == elf.symbols["SysTick_Handler"]
    assert execute(elf).log == ["optimised"]
