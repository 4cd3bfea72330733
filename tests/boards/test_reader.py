"""Reading a board: the facts of the STM32U585, and what happens when a description is wrong."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk import boards
from mvsdk.boards import BoardFileError, MemoryRegion, UnknownBoardError
from mvsdk.errors import BoardError

NAME = "stm32u585"


def copy_of_board(directory: Path) -> Path:
    """Copy the board's description and tables."""
    copy = directory / NAME
    copy.mkdir()
    for file in (*boards.load().directory.glob("*.toml"), *boards.load().directory.glob("*.csv")):
        shutil.copy(file, copy)
    return copy


def test_the_default_board_is_the_stm32u585() -> None:
    """Its name is known, and loading it twice gives the same value."""
    assert NAME in boards.available()
    assert boards.load() is boards.load(NAME)
    assert (boards.load().name, boards.load().cpu) == (NAME, "cortex-m33")


def test_an_unknown_board_is_refused_with_the_known_ones() -> None:
    """The error says which boards there are; a path is not a name."""
    for name in ("nucleo", "../stm32u585", ""):
        with pytest.raises(UnknownBoardError) as raised:
            boards.load(name)
        assert NAME in raised.value.remedy


def test_memory_is_what_the_kernel_leaves_to_the_application() -> None:
    """1 MiB of flash, 512 KiB of RAM and the page of gateways (Microvisor hardware guide, memory)."""
    board = boards.load()
    assert (board.flash.base, board.flash.end) == (0x08000000, 0x08100000)
    assert (board.ram.base, board.ram.end) == (0x20000000, 0x20080000)
    assert board.gateways == MemoryRegion("gateways", 0x0C1FE000, 592, "x")
    assert any(region.contains(board.gateways.base, board.gateways.size) for region in board.reserved)


def test_nothing_the_application_owns_is_reserved() -> None:
    """Application memory and application peripherals lie outside of every secure-owned range."""
    board = boards.load()
    owned = [board.flash, board.ram]
    owned += [MemoryRegion(block.name, block.base, 4, "rw") for block in board.peripherals if block.name != "SRAM4"]
    for region in owned:
        assert not any(region.overlaps(reserved) for reserved in board.reserved)


def test_every_secure_alias_is_reserved_and_a_fixed_distance_away() -> None:
    """Secure aliases are 0x10000000 above the non-secure base, those of flash 0x04000000 (RM0456, memory map)."""
    board = boards.load()
    for block in board.peripherals:
        distance = 0x04000000 if block.name == "FLASH" else 0x10000000
        assert block.secure_alias - block.base == distance
        assert any(region.contains(block.secure_alias) for region in board.reserved)


def test_there_are_125_interrupts_and_141_vectors() -> None:
    """0 to 124 all have a name and a handler named after it, as in ST's start-up files."""
    board = boards.load()
    assert sorted(board.interrupts) == list(range(125))
    assert board.vector_words == 16 + 125
    assert board.interrupt_lines == 125
    assert all(board.handlers[number] == f"{name}_IRQHandler" for number, name in board.interrupts.items())
    assert [board.interrupts[number] for number in (41, 45, 49, 51)] == ["TIM1_BRK", "TIM2", "TIM6", "TIM8_BRK"]


def test_exceptions_have_the_handlers_cmsis_gives_them() -> None:
    """The core's exceptions are negative; 8, 9, 10 and 13 are reserved (Armv8-M ARM, B3.9)."""
    board = boards.load()
    assert sorted(16 + number for number in board.exceptions) == [1, 2, 3, 4, 5, 6, 7, 11, 12, 14, 15]
    expected = {-14: "NMI_Handler", -12: "MemManage_Handler", -5: "SVC_Handler", -4: "DebugMon_Handler"}
    assert {number: board.handlers[number] for number in expected} == expected


def test_the_secure_interrupts_belong_to_the_kernel() -> None:
    """RTC_S, FLASH_S, GTZC and RCC_S."""
    board = boards.load()
    assert {board.interrupts[number] for number in board.kernel_interrupts} == {"RTC_S", "FLASH_S", "GTZC", "RCC_S"}


def test_all_clocks_run_at_160_mhz() -> None:
    """What the four clock calls report."""
    clocks = boards.load().clocks
    assert [clocks.sysclk, clocks.hclk, clocks.pclk1, clocks.pclk2] == [160_000_000] * 4


def test_the_user_led_is_pa5_and_the_button_pc13() -> None:
    """Lights and buttons name a port of the board and a pin of it."""
    (led,), (button,) = boards.load().leds, boards.load().buttons
    assert (led.name, led.port, led.pin) == ("user", "GPIOA", 5)
    assert (button.name, button.port, button.pin) == ("user", "GPIOC", 13)


def test_the_clock_controllers_registers_lie_in_its_block() -> None:
    """Every register is a word of RCC, and some cannot be read or written."""
    board = boards.load()
    (rcc,) = (block for block in board.peripherals if block.name == "RCC")
    for register in board.rcc_registers:
        assert 0 <= register.address - rcc.base < 0x400
        assert register.address % 4 == 0
        assert register.readable or register.writable
    registers = {register.name: register for register in board.rcc_registers}
    assert registers["AHB2ENR1"].address == 0x46020C8C
    assert not registers["CIFR"].writable
    assert not registers["CICR"].readable


@given(st.integers(0, 2**32), st.integers(0, 2**16))
def test_a_region_contains_exactly_its_bytes(address: int, length: int) -> None:
    """`contains` holds when all bytes asked about are inside, `overlaps` when at least one is."""
    region = MemoryRegion("some", 0x1000, 0x800, "rw")
    expected = address >= 0x1000 and address + length <= 0x1800
    assert region.contains(address, length) == expected
    asked = MemoryRegion("asked", address, max(length, 1), "")
    assert region.overlaps(asked) == bool(range(max(0x1000, address), min(0x1800, asked.end)))


def test_a_copy_of_a_board_reads_the_same(tmp_path: Path) -> None:
    """Nothing but the files of its folder makes a board."""
    board = boards.read(copy_of_board(tmp_path))
    assert (board.flash, board.leds, board.peripherals) == (
        boards.load().flash,
        boards.load().leds,
        boards.load().peripherals,
    )


@pytest.mark.parametrize(
    ("old", "new", "where", "problem"),
    [
        ('name = "stm32u585"', 'name = "other"', "name", "not the name of its folder"),
        ('name = "stm32u585"', "", "name", "is missing"),
        ('cpu = "cortex-m33"', "cpu = 33", "cpu", "33 is not a text"),
        ('cpu = "cortex-m33"', 'cpu = ""', "cpu", "is not a text"),
        ("vector_words = 141", "vector_words = 142", "number", "interrupt 125 is missing"),
        ("vector_words = 141", "vector_words = 140", "line 137", "number 124 is not in -15 to 123"),
        ("vector_words = 141", "vector_words = true", "vector_words", "is not a number"),
        ("base = 0x08000000", "base = -1", "memory.flash.base", "-1 is not a number"),
        ("base = 0x08000000", "bass = 0x08000000", "memory.flash.base", "is missing"),
        ('access = "rx"', 'access = "ry"', "memory.flash.access", "'ry' is not made of"),
        ("size = 0x00080000 ", "size = 0x00080001 ", "memory.ram", "overlaps the reserved"),
        ("size = 0x00080000 ", "size = 0 ", "memory.ram.size", "no range of 32-bit addresses"),
        ("size = 0x10000000", "size = 0xF0000000", "reserved[6].size", "no range of 32-bit addresses"),
        ("base = 0x20000000", "base = 0x080FFFFF", "memory.ram", "overlaps"),
        ("interrupts = [3, 7, 8, 10]", "interrupts = [3, 125]", "kernel.interrupts", "125 is no interrupt"),
        ("interrupts = [3, 7, 8, 10]", "interrupts = 3", "kernel.interrupts", "not a list of numbers"),
        ("pclk2 = 160_000_000", "", "clocks.pclk2", "is missing"),
        ("pclk2 = 160_000_000", "pclk2 = 1\npclk3 = 1", "clocks.pclk3", "is not known here"),
        ('port = "GPIOA"', 'port = "GPIOZ"', "leds[0].port", "'GPIOZ' is no peripheral"),
        ("pin = 5", "pin = 16", "leds[0].pin", "16 is not in 0 to 15"),
        ("pin = 5", "pin = 5\ncolour = 'green'", "leds[0].colour", "is not known here"),
        ("[clocks]", "[[clocks]]", "clocks", "is not a table"),
        ("[[leds]]", "[leds]", "leds", "is not a list of tables"),
        ("priority_bits = 4", "priority_bits = 4\nspeed = 1", "speed", "is not known here"),
        ("[clocks]", "[clocks", "file", "is not TOML"),
        ('interrupts = "interrupts.csv"', 'interrupts = "none.csv"', "file", "cannot be read"),
    ],
)
def test_a_wrong_description_is_refused_by_key(tmp_path: Path, old: str, new: str, where: str, problem: str) -> None:
    """The error names the file, the key in it, the value and what is wrong."""
    directory = copy_of_board(tmp_path)
    file = directory / "board.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    with pytest.raises(BoardFileError) as raised:
        boards.read(directory)
    assert raised.value.where == where
    assert problem in raised.value.what
    assert str(raised.value.file.parent) == str(directory)
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("name", "old", "new", "where", "problem"),
    [
        ("interrupts.csv", "51,TIM8_BRK,", "x,TIM8_BRK,", "line 64", "number 'x' is not a decimal number"),
        ("interrupts.csv", "51,TIM8_BRK,", "52,TIM8_BRK,", "line 65", "number 52 does not follow 52"),
        ("interrupts.csv", "51,TIM8_BRK,", "51,TIM8-BRK,", "line 64", "'TIM8-BRK' is not a C identifier"),
        ("interrupts.csv", "51,TIM8_BRK,", "51,TIM7,", "line 64", "'TIM7' appears twice"),
        ("interrupts.csv", "51,TIM8_BRK,", "51,", "line 64", "has 2 cells, not 3"),
        ("interrupts.csv", "51,TIM8_BRK,TIM8_BRK_IRQHandler\n", "", "number", "interrupt 51 is missing"),
        ("interrupts.csv", "-15,Reset,Reset_Handler\n", "", "number", "interrupt -15 is missing"),
        ("interrupts.csv", "-15,Reset,", "-16,Reset,", "line 2", "number -16 is not in -15 to 124"),
        ("interrupts.csv", "number,name,handler", "number,name", "line 1", "the columns are not"),
        ("peripherals.csv", "0x42020000,", "42020000,", None, "'42020000' is not an address"),
        ("peripherals.csv", "GPIOA,", "GPIOB,", None, "'GPIOB' appears twice"),
        ("rcc-registers.csv", "0x46020c14,yes,no", "0x46020c14,yes,maybe", None, "'maybe' is not yes or no"),
        ("rcc-registers.csv", "name,address,readable,writable\n", "", "line 1", "the columns are not"),
    ],
)
def test_a_wrong_table_is_refused_by_line(
    tmp_path: Path, name: str, old: str, new: str, where: str | None, problem: str
) -> None:
    """The error names the file, the line in it, the value and what is wrong."""
    directory = copy_of_board(tmp_path)
    text = (directory / name).read_text()
    assert old in text
    (directory / name).write_text(text.replace(old, new, 1))
    with pytest.raises(BoardFileError) as raised:
        boards.read(directory)
    assert raised.value.file == directory / name
    assert where in (None, raised.value.where)
    assert problem in raised.value.what


@pytest.mark.parametrize("name", ["board.toml", "interrupts.csv", "peripherals.csv", "rcc-registers.csv"])
def test_a_missing_or_binary_file_is_a_board_error(tmp_path: Path, name: str) -> None:
    """Whatever stands in a file's place, a user sees which file and why."""
    directory = copy_of_board(tmp_path)
    (directory / name).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BoardError, match=name):
        boards.read(directory)
    (directory / name).unlink()
    with pytest.raises(BoardError, match=name):
        boards.read(directory)


@given(data=st.data())
def test_a_damaged_description_never_gives_another_kind_of_error(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any line of any file dropped or changed either reads as a board or raises BoardFileError."""
    directory = copy_of_board(tmp_path_factory.mktemp("board"))
    file = directory / data.draw(st.sampled_from(["board.toml", "interrupts.csv", "peripherals.csv"]))
    lines = file.read_text().splitlines()
    index = data.draw(st.integers(0, len(lines) - 1))
    lines[index] = data.draw(
        st.one_of(st.just(""), st.text(max_size=20), st.permutations(list(lines[index])).map("".join))
    )
    file.write_text("\n".join(lines), encoding="utf-8", errors="replace")
    with contextlib.suppress(BoardFileError):
        assert boards.read(directory).name == NAME
