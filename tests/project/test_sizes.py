"""How a program's sizes are counted."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk import boards
from mvsdk.project.errors import CompileError
from mvsdk.project.sizes import RegionUse, measure

BOARD = boards.load()
LOAD, NOTE = 1, 4
Segment = tuple[int, int, int, int, int]  # type, virtual address, physical address, bytes in file, bytes in memory


def elf(segments: list[Segment]) -> bytes:
    """Return a little-endian 32-bit ARM executable with these program headers and nothing behind them (ELF, 1-3)."""
    header = b"\x7fELF\x01\x01\x01".ljust(16, b"\0")
    header += struct.pack("<HHIIIIIHHHHHH", 2, 40, 1, 0, 52, 0, 0, 52, 32, len(segments), 40, 0, 0)
    return header + b"".join(
        struct.pack("<IIIIIIII", kind, 0, virtual, physical, stored, size, 4, 4)
        for kind, virtual, physical, stored, size in segments
    )


code = st.builds(
    lambda offset, size: (LOAD, BOARD.flash.base + offset, BOARD.flash.base + offset, size, size),
    st.integers(0, BOARD.flash.size // 2),
    st.integers(1, BOARD.flash.size // 2),
)
data = st.builds(
    lambda ram, flash, stored, zeroed: (LOAD, BOARD.ram.base + ram, BOARD.flash.base + flash, stored, stored + zeroed),
    st.integers(0, BOARD.ram.size - 1),
    st.integers(0, BOARD.flash.size - 1),
    st.integers(1, 4096),
    st.integers(0, 4096),
)
zeroed = st.builds(
    lambda ram, size: (LOAD, BOARD.ram.base + ram, BOARD.ram.base + ram, 0, size),
    st.integers(0, BOARD.ram.size - 1),
    st.integers(1, 4096),
)
note = st.just((NOTE, BOARD.flash.base + 0x80000, BOARD.flash.base + 0x80000, 64, 64))


@given(segments=st.lists(code | data | zeroed | note, max_size=6))
def test_flash_reaches_to_the_last_stored_byte_and_ram_is_all_that_is_reserved(
    tmp_path_factory: pytest.TempPathFactory, segments: list[Segment]
) -> None:
    """Flash is the length of the image, gaps included; RAM is the sum of what lies in it, stored or not."""
    file = tmp_path_factory.mktemp("elf") / "a.elf"
    file.write_bytes(elf(segments))
    loaded = [segment for segment in segments if segment[0] == LOAD]
    ends = [physical + stored - BOARD.flash.base for _, _, physical, stored, _ in loaded if stored]
    reserved = [size for _, virtual, _, _, size in loaded if virtual >= BOARD.ram.base]
    flash, ram = measure(file, BOARD)
    assert (flash.used, ram.used) == (max(ends, default=0), sum(reserved))


@given(used=st.integers(0, 1 << 21))
def test_an_image_fits_when_it_is_smaller_than_the_flash(used: int) -> None:
    """Whatever does not fit is also near the limit, and 90 percent is where near begins."""
    use = RegionUse("Flash", used, 1 << 20, (1 << 20) - 1)
    assert use.fits == (used < 1 << 20)
    assert use.is_near_limit == (used * 10 >= 9 << 20)
    assert use.fits or use.is_near_limit


@pytest.mark.parametrize("junk", [b"", b"\x7fELF", b"MZ" + bytes(100), elf([(LOAD, 0, 0, 1, 1)])[:60]])
def test_what_is_no_elf_is_refused(tmp_path: Path, junk: bytes) -> None:
    """A file that is empty, cut off or something else is an error that names it."""
    file = tmp_path / "a.elf"
    file.write_bytes(junk)
    with pytest.raises(CompileError, match=r"a\.elf is not an ELF file"):
        measure(file, BOARD)
