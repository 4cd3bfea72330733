"""Images from ELF, binary and Intel HEX files."""

from __future__ import annotations

import contextlib
import io
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from intelhex import IntelHex

from mvsdk.bundle import Image, ImageFileError, ImageFormatError, ImagePlacementError, read_image
from mvsdk.errors import BundleError
from tests.bundle.elves import NO_BITS, Section, Segment, elf
from tests.bundle.samples import BOARD, REGION, VECTORS

FLASH = 0x08000000
RAM = 0x20000000
CODE = VECTORS.data
PROGRAM = elf(
    [Segment(FLASH, FLASH, CODE), Segment(RAM, FLASH + 0x400, b"DATA", memory=64)],
    [Section(".text", FLASH, len(CODE)), Section(".data", RAM, 4, 1), Section(".bss", RAM + 4, 60, 1, NO_BITS)],
)
WANTED = CODE.ljust(0x400, b"\xff") + b"DATA"


def read(tmp_path: Path, name: str, data: bytes) -> bytes:
    """Return the image read from a file with this name and content."""
    path = tmp_path / name
    path.write_bytes(data)
    return read_image(path, BOARD).data


def hex_text(pieces: dict[int, bytes]) -> bytes:
    """Return an Intel HEX file with bytes at addresses."""
    content = IntelHex()
    for address, data in pieces.items():
        content.puts(address, data)
    text = io.StringIO()
    content.write_hex_file(text)
    return text.getvalue().encode()


HEX = hex_text({FLASH: CODE, FLASH + 0x400: b"DATA"})


def test_three_files_give_one_image(tmp_path: Path) -> None:
    """A program as ELF, as HEX and as binary is the same image: load addresses count, gaps hold 0xFF."""
    assert read(tmp_path, "a.elf", PROGRAM) == WANTED
    assert read(tmp_path, "a.hex", HEX) == WANTED
    assert read(tmp_path, "a.bin", WANTED) == WANTED


@pytest.mark.parametrize("name", ["app", "app.elf", "app.axf", "app.out", "APP.ELF"])
def test_an_elf_file_is_known_by_its_start(tmp_path: Path, name: str) -> None:
    """An ELF file may have any name but that of another format."""
    assert read(tmp_path, name, PROGRAM) == WANTED


def test_a_stripped_program_is_taken_by_segments(tmp_path: Path) -> None:
    """Without section headers the segments are what is loaded."""
    program = elf([Segment(FLASH, FLASH, CODE), Segment(RAM, FLASH + 0x400, b"DATA")])
    assert read(tmp_path, "a.elf", program) == WANTED


def test_what_a_segment_holds_beside_its_sections_is_not_loaded(tmp_path: Path) -> None:
    """ELF headers and alignment inside a segment are no part of the image, as for objcopy."""
    program = elf(
        [Segment(FLASH - 0x34, FLASH - 0x34, bytes(0x34) + CODE + bytes(4) + b"more")],
        [Section(".text", FLASH, len(CODE)), Section(".rodata", FLASH + len(CODE) + 4, 4)],
    )
    assert read(tmp_path, "a.elf", program) == CODE + b"\xff" * 4 + b"more"


def test_an_image_starts_at_the_start_of_flash(tmp_path: Path) -> None:
    """What lies before the lowest address is filled, so that every byte keeps its address."""
    assert read(tmp_path, "a.hex", hex_text({FLASH + 8: b"x"})) == b"\xff" * 8 + b"x"


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (elf([Segment(FLASH, FLASH, CODE)], machine=243), "another processor: RISCV, 32 bits, little"),
        (elf([Segment(FLASH, FLASH, CODE)], machine=3), "another processor: 386"),
        (elf([Segment(FLASH, FLASH, CODE)], machine=0x1234), "another processor: 4660"),
        (elf([Segment(FLASH, FLASH, CODE)], order=">"), "ARM, 32 bits, big endian"),
        (elf([Segment(FLASH, FLASH, CODE)], kind=1), "type REL, not a linked program"),
        (b"\x7fELF", "damaged ELF"),
        (PROGRAM[:40], "damaged ELF"),
        (PROGRAM[:200], "damaged|cut off"),
        (elf([Segment(FLASH, FLASH, CODE)])[:-1], "cut off: segment 0"),
        (b"not an ELF file", "damaged ELF"),
    ],
)
def test_an_elf_file_of_another_kind_is_named(tmp_path: Path, program: bytes, words: str) -> None:
    """A program for another processor, an object file or a damaged file is refused as what it is."""
    with pytest.raises(ImageFormatError, match=words):
        read(tmp_path, "a.elf", program)


@pytest.mark.parametrize(
    ("segments", "words"),
    [
        ([Segment(RAM, RAM, CODE)], r"segment 0 \(700 bytes at 0x20000000\) lies outside"),
        ([Segment(FLASH, FLASH - 4, CODE)], "at 0x07fffffc. lies outside"),
        ([Segment(FLASH, FLASH + REGION - 4, CODE)], "at 0x080ffffc. lies outside"),
        ([Segment(FLASH, FLASH, CODE), Segment(FLASH, 0x0C000000, CODE)], "at 0x0c000000. lies outside"),
    ],
)
def test_what_is_not_for_flash_is_refused(tmp_path: Path, segments: list[Segment], words: str) -> None:
    """Bytes whose load address is outside the application's flash are refused with the address."""
    with pytest.raises(ImagePlacementError, match=words):
        read(tmp_path, "a.elf", elf(segments))


def test_overlapping_pieces_are_refused(tmp_path: Path) -> None:
    """Two segments for one place leave it open which of them counts, so neither does."""
    with pytest.raises(ImageFormatError, match="overlaps"):
        read(tmp_path, "a.elf", elf([Segment(FLASH, FLASH, CODE), Segment(RAM, FLASH + 4, CODE)]))


def test_a_program_without_anything_for_flash_is_refused(tmp_path: Path) -> None:
    """An ELF file with nothing to load is refused."""
    with pytest.raises(ImageFileError, match="holds nothing for flash"):
        read(tmp_path, "a.elf", elf([Segment(RAM, RAM, b"", memory=100)]))


@pytest.mark.parametrize("name", ["a.bin", "a.elf", "a.hex", "a"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    """An empty file is no image, whatever it is called."""
    with pytest.raises(ImageFileError, match="is empty"):
        read(tmp_path, name, b"")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file and a folder are refused with the system's reason."""
    with pytest.raises(ImageFileError, match=r"missing\.elf: No such file"):
        read_image(tmp_path / "missing.elf", BOARD)
    with pytest.raises(ImageFileError, match="cannot read"):
        read_image(tmp_path, BOARD)


def test_a_file_of_no_known_kind_is_refused(tmp_path: Path) -> None:
    """A file that is neither ELF nor named as something else is refused."""
    with pytest.raises(ImageFormatError, match=r"a\.txt is neither"):
        read(tmp_path, "a.txt", b"hello")


def test_an_image_is_smaller_than_its_flash(tmp_path: Path) -> None:
    """An image of exactly 1 MiB is refused, one byte less is taken."""
    assert len(read(tmp_path, "a.bin", bytes(REGION - 1))) == REGION - 1
    with pytest.raises(ImagePlacementError, match="has 1048576 bytes and must have fewer"):
        read(tmp_path, "a.bin", bytes(REGION))
    with pytest.raises(ImagePlacementError, match="has 1048576 bytes"):
        read(tmp_path, "a.hex", hex_text({FLASH + REGION - 1: b"x"}))
    with pytest.raises(ImageFileError):
        Image(b"")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEX.replace(b":10001000", b":10001100", 1), "line 3 has invalid checksum"),
        (b"hello\n", "line 1 contains invalid record|not Intel HEX"),
        (HEX[: len(HEX) // 2], "line|end-of-file"),
        (b"\n".join(HEX.splitlines()[:-1]), "end-of-file record"),
        (HEX + b":00\n", "end-of-file record"),
        (b":0100\xff", "line 1: not Intel HEX .byte 0xff"),
        (b":00000001FF\n", "holds nothing"),
        (HEX.splitlines()[0] + b"\n" + HEX.splitlines()[1] + b"\n" + HEX, "overlap"),
    ],
)
def test_a_damaged_hex_file_is_refused(tmp_path: Path, text: bytes, words: str) -> None:
    """A HEX file with a wrong checksum, a wrong line, no end or bytes given twice is refused."""
    with pytest.raises((ImageFormatError, ImageFileError), match=words):
        read(tmp_path, "a.hex", text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_file_raises_nothing_else(tmp_path: Path, data: st.DataObject) -> None:
    """However an ELF or HEX file is changed, it is read or refused with a BundleError."""
    name, good = data.draw(st.sampled_from([("a.elf", PROGRAM), ("a.hex", HEX)]))
    changed = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(good) - 1) | st.integers(0, min(140, len(good) - 1)))
        changed[place] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]) | st.integers(0, 255))
    with contextlib.suppress(BundleError):
        read(tmp_path, name, bytes(changed))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_random_files_raise_nothing_else(tmp_path: Path, data: bytes) -> None:
    """Random bytes after the start of an ELF file, or as a HEX file, are refused with a BundleError."""
    for name, content in (("a.elf", b"\x7fELF\x01\x01\x01" + data), ("a.hex", data)):
        with pytest.raises(BundleError):
            read(tmp_path, name, content)


def test_every_byte_of_the_elf_headers_may_be_wrong(tmp_path: Path) -> None:
    """No single byte of an ELF file, set to an extreme, raises anything but a BundleError."""
    code = PROGRAM.index(CODE)
    for place in (*range(code), *range(code + len(CODE), len(PROGRAM))):
        for value in (0, 0xFF):
            changed = bytearray(PROGRAM)
            changed[place] = value
            with contextlib.suppress(BundleError):
                read(tmp_path, "a.elf", bytes(changed))


def test_wide_offsets_are_no_trap(tmp_path: Path) -> None:
    """A segment whose size is 4 GiB is refused without making room for it."""
    program = bytearray(elf([Segment(FLASH, FLASH, CODE)]))
    struct.pack_into("<I", program, 52 + 16, 0xFFFFFFFF)
    with pytest.raises(ImageFormatError, match="cut off"):
        read(tmp_path, "a.elf", bytes(program))
