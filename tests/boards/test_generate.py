"""The C sources made from a board's tables."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from mvsdk import boards
from mvsdk.boards import generate

GENERATED = ("vectors.c", "include/stm32u585_irqn.h", "include/stm32u585_addresses.h")


def copy_of_board(directory: Path) -> boards.Board:
    """Copy a board with everything that belongs to it."""
    return boards.read(Path(shutil.copytree(boards.load().directory, directory / "stm32u585")))


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a developer does."""
    command = [sys.executable, "-m", "mvsdk.boards.generate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_is_committed_is_what_the_tables_say() -> None:
    """Generated files are never edited, and never forgotten."""
    for name in boards.available():
        assert generate.stale(boards.load(name)) == ()
    assert run("--check").returncode == 0


def test_it_makes_the_vector_table_and_two_headers() -> None:
    """Each says where it comes from and how to make it again."""
    rendered = generate.render(boards.load())
    assert tuple(rendered) == GENERATED
    for content in rendered.values():
        assert content.startswith("/* Generated from board-support/stm32u585/")
        assert "python -m mvsdk.boards.generate" in content.splitlines()[0]
        assert max(map(len, content.splitlines())) <= 120


def test_writing_mends_what_is_out_of_date_and_nothing_else(tmp_path: Path) -> None:
    """An edited and a deleted file come back; the third is not touched."""
    board = copy_of_board(tmp_path)
    edited, deleted, good = (board.directory / name for name in GENERATED)
    original = edited.read_bytes()
    edited.write_bytes(original + b"\n")
    deleted.unlink()
    before = good.stat().st_mtime_ns
    assert generate.stale(board) == (edited, deleted)
    assert generate.write(board) == (edited, deleted)
    assert edited.read_bytes() == original
    assert good.stat().st_mtime_ns == before
    assert generate.write(board) == ()
    assert sorted(path.name for path in board.directory.iterdir()) == sorted(
        path.name for path in boards.load().directory.iterdir()
    )


def test_a_board_that_never_had_them_gets_them(tmp_path: Path) -> None:
    """A new board needs its description and tables only."""
    board = copy_of_board(tmp_path)
    shutil.rmtree(board.directory / "include")
    assert len(generate.write(board)) == 2
    assert generate.stale(board) == ()


def test_a_changed_table_changes_the_sources(tmp_path: Path) -> None:
    """A renamed interrupt is renamed in the table of vectors and in the header."""
    board = copy_of_board(tmp_path)
    table = board.directory / "interrupts.csv"
    table.write_text(table.read_text().replace("TIM8_BRK", "TIM8_BREAK"))
    rendered = generate.render(boards.read(board.directory))
    assert "TIM8_BREAK_IRQHandler, /* 51 */" in rendered["vectors.c"]
    assert "TIM8_BREAK_IRQn = 51," in rendered["include/stm32u585_irqn.h"]


def test_the_linker_script_agrees_with_the_description() -> None:
    """MEMORY in the linker script is what board.toml calls flash and ram."""
    board = boards.load()
    script = (board.directory / f"{board.name}.ld").read_text()
    for name, region in (("FLASH (rx) ", board.flash), ("RAM   (rwx)", board.ram)):
        assert f"{name} : ORIGIN = {region.base:#010x}, LENGTH = {region.size // 1024}K\n" in script


def test_the_command_refuses_arguments_it_does_not_know() -> None:
    """A typing error does not rewrite files."""
    done = run("--chek")
    assert done.returncode == 2
    assert "usage" in done.stderr
