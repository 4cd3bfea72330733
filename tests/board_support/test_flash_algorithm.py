"""Laws of the flash algorithm: the packaged file is what its source gives, and on the emulated chip it does its job."""

from __future__ import annotations

import csv
import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvsdk import boards
from mvsdk.bundle import Image
from mvsdk.emulator.core import new_core
from mvsdk.emulator.device import Device, End
from mvsdk.emulator.soc.flash import OBL_LAUNCH, SWAP_BANK, TZEN
from mvsdk.emulator.soc.flash_array import BANK, BASE, SECURE_BASE, SIZE, ChipFlash
from mvsdk.flash_memory import Cut, EccError, Mess, PowerCut, PowerSupply
from tests.board_support.firmware import Elf

BOARD = boards.load()
FOLDER = BOARD.directory / "flash-algorithm"
PLAIN, SECURE = "stm32u585.flm", "stm32u585-secure.flm"
OPTR = 0x1FEF_F8AA
ALL_SECURE = {"OPTR": OPTR | TZEN, "SECWM1R1": 0xFFFF_FF80, "SECWM2R1": 0xFFFF_FF80}
CODE, BUFFER, STACK = 0x2000_0100, 0x2000_2000, 0x2000_2000
HEADER = bytes.fromhex("00befee7")  # bkpt; b . - what a function returns to
PAGE, QUAD = 8192, 16
HALTING, RUNNING = 0xA05F_0003, 0xA05F_0001
DHCSR = 0xE000_EDF0
OPTION_KEY_REGISTER, CONTROL_REGISTER, OPTION_REGISTER = 0x4002_2010, 0x4002_2028, 0x4002_2040


def status_bits() -> dict[str, int]:
    """Return the bits of what functions return, by name."""
    with (FOLDER / "flash-status.csv").open(encoding="utf-8") as file:
        return {row["name"]: 1 << int(row["bit"]) for row in csv.DictReader(file)}


STATUS = status_bits()


class Algorithm:
    """A board with the algorithm in its RAM, called as a debugger calls it."""

    def __init__(self, part: ChipFlash | None = None, file: str = PLAIN, code: int = CODE) -> None:
        self.part = part or ChipFlash()
        core = new_core(BOARD.interrupt_lines)
        self.device = Device(BOARD, Image(b"\xff"), core, chip_flash=self.part)
        self.elf = Elf(FOLDER / file)
        self.code = code
        address, size = self.elf.section("PrgCode")
        data = next(data for base, _, data in self.elf.segments if base == address)
        core.debug_write(DHCSR, 4, HALTING)
        core.write_memory(code, HEADER + data[:size])

    def call(self, name: str, *arguments: int) -> int:
        """Run a function to its end; return what it returned."""
        core = self.device.core
        for number, value in enumerate(arguments):
            core.write_register(f"r{number}", value)
        start = self.code + len(HEADER)
        for register, value in (("sp", STACK), ("lr", self.code | 1), ("pc", start + self.elf.symbols[name])):
            core.write_register({"sp": "r13", "lr": "r14", "pc": "r15"}[register], value)
        core.write_register("xpsr", 1 << 24)
        core.debug_write(DHCSR, 4, RUNNING)
        assert self.device.run(until_us=self.device.time_us + 20_000_000) is End.STOPPED
        assert core.registers().pc == self.code
        return core.registers().r[0]

    def buffer(self, data: bytes) -> int:
        """Put data where functions find it."""
        self.device.core.write_memory(BUFFER, data)
        return BUFFER

    def open(self, base: int = BASE) -> None:
        """Begin."""
        assert self.call("Init", base, 0, 2) == 0

    def program(self, address: int, data: bytes) -> int:
        """Program in pages of 4 KiB."""
        for at in range(0, len(data), 4096):
            piece = data[at : at + 4096]
            status = self.call("ProgramPage", address + at, len(piece), self.buffer(piece))
            if status:
                return status
        return 0

    def shown(self, address: int, length: int) -> bytes:
        """Return what the core reads."""
        return self.device.core.read_memory(address, length)


@pytest.mark.parametrize("file", [PLAIN, SECURE])
def test_the_packaged_file_is_what_its_source_gives(file: str, tmp_path: Path) -> None:
    """Building it anew gives the same bytes, in any folder; another compiler than the packaged file's may differ."""
    subprocess.run(["sh", FOLDER / "build.sh", tmp_path], check=True)
    built = tmp_path / file
    if Elf(built).compiler == Elf(FOLDER / file).compiler:
        assert built.read_bytes() == (FOLDER / file).read_bytes()
    assert Elf(built).section("PrgCode")[0] == Elf(FOLDER / file).section("PrgCode")[0]


@pytest.mark.parametrize(("file", "base"), [(PLAIN, BASE), (SECURE, SECURE_BASE)])
def test_it_describes_itself_as_debuggers_expect(file: str, base: int) -> None:
    """Code begins at 0 and needs no data; the description has device, pages and sectors; every function is there."""
    elf = Elf(FOLDER / file)
    assert elf.section("PrgCode")[0] == 0
    names = {"Init", "UnInit", "EraseSector", "ProgramPage", "EraseChip", "BlankCheck", "Verify", "Checksums"}
    names.add("ProgramOptions")
    assert names <= elf.symbols.keys()
    address, size = elf.section("DevDscr")
    assert (elf.symbols["FlashDevice"], size) == (address, 176)
    data = b"".join(data for _, _, data in elf.segments)
    fields = struct.unpack_from("<H128sHLLLLBxxxLL4L", data, address)
    assert fields[0] == 0x0101
    assert fields[1].startswith(b"STM32U585 2 MB")
    assert (fields[2:5], fields[5], fields[7]) == ((1, base, SIZE), 4096, 0xFF)
    assert fields[10:] == (PAGE, 0, 0xFFFF_FFFF, 0xFFFF_FFFF)


@settings(max_examples=15)
@given(
    start=st.integers(0, SIZE // QUAD - 600).map(lambda quad: quad * QUAD),
    pieces=st.lists(st.sampled_from([b"\xff" * QUAD, b"\0" * QUAD]) | st.binary(min_size=1, max_size=400), max_size=8),
    swapped=st.booleans(),
    secure=st.booleans(),
    code=st.sampled_from([CODE, 0x200B_0004, 0x2800_0000]),
)
def test_what_is_programmed_is_read(start: int, pieces: list[bytes], swapped: bool, secure: bool, code: int) -> None:
    """Any data anywhere, in either bank order, on either side, wherever the code lies, comes back, and verifies."""
    options = {**(ALL_SECURE if secure else {"OPTR": OPTR})}
    options["OPTR"] |= SWAP_BANK if swapped else 0
    algorithm = Algorithm(ChipFlash(options=options), SECURE if secure else PLAIN, code)
    base = SECURE_BASE if secure else BASE
    algorithm.open(base)
    data = b"".join(pieces)
    assert algorithm.program(base + start, data) == 0
    assert algorithm.shown(base + start, len(data)) == data
    whole = data.ljust(-(-len(data) // QUAD) * QUAD, b"\xff")
    assert algorithm.call("Verify", base + start, len(data), algorithm.buffer(data)) == base + start + len(data)
    for at in range(0, len(whole), QUAD):
        if whole[at : at + QUAD] == b"\xff" * QUAD:
            assert algorithm.program(base + start + at, b"\x5a" * QUAD) == 0
    assert algorithm.call("UnInit", 2) == 0


def test_bursts_are_used_where_they_can_be() -> None:
    """A page of data takes the time of its bursts; with a quad-word of ones in each it takes that of the others."""
    times = []
    for data in (b"\x5a" * 4096, (b"\xff" * QUAD + b"\x5a" * 7 * QUAD) * 32):
        algorithm = Algorithm()
        algorithm.open()
        before = algorithm.device.time_us
        assert algorithm.program(BASE, data) == 0
        times.append(algorithm.device.time_us - before)
    assert 32 * 384 <= times[0] < 32 * 384 * 1.2
    assert 224 * 118 <= times[1] < 224 * 118 * 1.2


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("page", [0, 1, 127, 128, 255])
def test_a_sector_is_erased_and_no_other(page: int, swapped: bool) -> None:
    """EraseSector takes the sector at an address as the core sees it, whichever bank that is."""
    part = ChipFlash(options={"OPTR": OPTR | (SWAP_BANK if swapped else 0)})
    for number in range(SIZE // PAGE):
        part.program(number * PAGE, number.to_bytes(2, "little") * 8)
    algorithm = Algorithm(part)
    algorithm.open()
    before = algorithm.shown(BASE, SIZE)
    assert algorithm.call("EraseSector", BASE + page * PAGE + 100) == 0
    wanted = before[: page * PAGE] + b"\xff" * PAGE + before[(page + 1) * PAGE :]
    assert algorithm.shown(BASE, SIZE) == wanted
    assert algorithm.call("BlankCheck", BASE + page * PAGE, PAGE, 0xFF) == 0
    assert algorithm.call("BlankCheck", BASE + (page ^ 1) * PAGE, PAGE, 0xFF) == 1


def test_the_whole_chip_is_erased() -> None:
    """EraseChip leaves nothing in either bank."""
    part = ChipFlash()
    part.program(0, b"one")
    part.program(BANK, b"two")
    algorithm = Algorithm(part)
    algorithm.open()
    assert algorithm.call("EraseChip") == 0
    assert part.blank


def test_errors_are_the_flags_by_name() -> None:
    """What the controller refuses comes back as its flag, beside PGSERR for the words that followed; it is cleared, and
    the next call does its work."""
    protected = ChipFlash(options={"WRP1AR": 0xFF81_FF81})
    algorithm = Algorithm(protected)
    algorithm.open()
    assert algorithm.program(BASE + PAGE, b"data" * 4) == STATUS["WRPERR"] | STATUS["PGSERR"]
    assert algorithm.call("EraseSector", BASE + PAGE) == STATUS["WRPERR"]
    assert algorithm.call("EraseChip") == STATUS["WRPERR"]
    assert algorithm.program(BASE, b"data" * 4) == 0
    assert algorithm.program(BASE, b"else" * 4) == STATUS["PROGERR"]
    assert algorithm.program(BASE, b"else" * 4096) == STATUS["PROGERR"]
    assert algorithm.call("EraseSector", BASE) == 0
    assert algorithm.program(BASE, b"else" * 4) == 0
    assert algorithm.shown(BASE, 16) == b"else" * 4


def test_the_other_sides_pages_are_refused() -> None:
    """On a part with TrustZone the non-secure algorithm writes no secure page, the secure one no other."""
    options = {**ALL_SECURE, "SECWM2R1": 0xFF80_FFFF}
    for file, base, bank in ((PLAIN, BASE, 0), (SECURE, SECURE_BASE, BANK)):
        algorithm = Algorithm(ChipFlash(options=options), file)
        algorithm.open(base)
        assert algorithm.program(base + bank, b"data" * 4) == STATUS["WRPERR"] | STATUS["PGSERR"]
        assert algorithm.program(base + (bank ^ BANK), b"data" * 4) == 0


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("EraseSector", (BASE - 1,)),
        ("EraseSector", (BASE + SIZE,)),
        ("ProgramPage", (BASE + SIZE - 16, 32, BUFFER)),
        ("ProgramPage", (BASE + 8, 16, BUFFER)),
        ("ProgramPage", (SECURE_BASE, 16, BUFFER)),
        ("ProgramPage", (BASE, 0xFFFF_FFFF, BUFFER)),
        ("BlankCheck", (BASE, SIZE + 1, 0xFF)),
        ("Checksums", (BASE, PAGE, 257, BUFFER)),
        ("Checksums", (BASE + PAGE, PAGE, 256, BUFFER)),
        ("Checksums", (BASE, 0, 1, BUFFER)),
        ("Checksums", (BASE + SIZE, 1, 1, BUFFER)),
    ],
)
def test_nothing_outside_of_the_flash_is_touched(name: str, arguments: tuple[int, ...]) -> None:
    """A place or length that is not the flash's is refused before anything happens."""
    algorithm = Algorithm()
    algorithm.open()
    assert algorithm.call(name, *arguments) == STATUS["RANGE"]
    assert algorithm.part.blank


def test_a_jammed_lock_is_told() -> None:
    """After a wrong key the controller stays locked until a reset, and Init says so."""
    algorithm = Algorithm()
    algorithm.device.core.debug_write(0x4002_2008, 4, 0)
    assert algorithm.call("Init", BASE, 0, 1) == STATUS["LOCKED"]
    algorithm = Algorithm()
    algorithm.open()
    algorithm.open()
    assert algorithm.call("UnInit", 1) == 0
    assert algorithm.device.core.debug_read(0x4002_2028, 4) >> 31
    algorithm.open()


@pytest.mark.parametrize("file", [PLAIN, SECURE])
def test_option_bytes_are_programmed_and_then_loaded(file: str) -> None:
    """ProgramOptions writes OPTR, which counts after OBL_LAUNCH; what cannot be is told and changes nothing."""
    part = ChipFlash(options=ALL_SECURE if file == SECURE else {})
    algorithm = Algorithm(part, file)
    algorithm.open()
    before = algorithm.device.core.debug_read(OPTION_REGISTER, 4)
    assert algorithm.call("ProgramOptions", before | SWAP_BANK) == 0
    assert part.options["OPTR"] == before | SWAP_BANK
    algorithm.device.core.debug_write(CONTROL_REGISTER, 4, OBL_LAUNCH)
    algorithm.device.run(until_us=algorithm.device.time_us + 20_000)
    again = Algorithm(part, file)
    assert again.device.core.debug_read(OPTION_REGISTER, 4) == before | SWAP_BANK
    locked = Algorithm(ChipFlash(options={"OPTR": OPTR & ~0xFF | 0xCC}))
    locked.open()
    assert locked.call("ProgramOptions", OPTR) == STATUS["OPTWERR"]


def test_jammed_option_bytes_are_told() -> None:
    """After a wrong option key ProgramOptions says that they stay locked."""
    algorithm = Algorithm()
    algorithm.open()
    algorithm.device.core.debug_write(OPTION_KEY_REGISTER, 4, 0)
    assert algorithm.call("ProgramOptions", OPTR) == STATUS["LOCKED"]


def test_verify_names_the_first_difference() -> None:
    """It returns the address of the first byte that is not as given."""
    algorithm = Algorithm()
    algorithm.open()
    algorithm.program(BASE, bytes(range(64)))
    wrong = bytearray(range(64))
    wrong[37] = 0
    assert algorithm.call("Verify", BASE, 64, algorithm.buffer(bytes(wrong))) == BASE + 37


def sums(algorithm: Algorithm, address: int, size: int, count: int) -> list[tuple[int, int]]:
    """Return checksum and whether it means nothing, of each piece."""
    assert algorithm.call("Checksums", address, size, count, BUFFER) == 0
    return list(struct.iter_unpack("<II", algorithm.device.core.read_memory(BUFFER, 8 * count)))


def test_checksums_are_those_of_zlib() -> None:
    """One call gives the CRC-32 of every piece."""
    part = ChipFlash()
    part.program(0, bytes(range(256)) * 100)
    algorithm = Algorithm(part)
    algorithm.open()
    held = algorithm.shown(BASE, 5 * PAGE)
    wanted = [(zlib.crc32(held[at : at + PAGE]), 0) for at in range(0, len(held), PAGE)]
    assert sums(algorithm, BASE, PAGE, 5) == wanted
    assert sums(algorithm, BASE + 3, 5, 1) == [(zlib.crc32(held[3:8]), 0)]


@pytest.mark.parametrize("mess", [Mess.TORN, Mess.SEEMS_UNDONE])
def test_a_loss_of_power_is_found_and_mended(mess: Mess) -> None:
    """A quad-word that cannot be read is found by every way of reading, no interrupt goes astray, and erasing and
    programming again mends the page."""
    power = PowerSupply()
    algorithm = Algorithm(ChipFlash(power))
    algorithm.open()
    data = bytes(range(1, 129)) * 16
    power.restore(Cut(20, mess))
    with pytest.raises(PowerCut):
        algorithm.program(BASE, data)
    power.restore()
    power.restore()
    again = Algorithm(algorithm.part)
    with pytest.raises(EccError):
        again.part.memory.read(0, PAGE)
    again.open()
    vectors = again.device.core.vector_table
    assert [broken for _, broken in sums(again, BASE, PAGE, 3)] == [1, 0, 0]
    assert again.call("Verify", BASE, len(data), again.buffer(data)) == BASE
    assert again.call("BlankCheck", BASE + 320, 16, 0xFF) == 1
    assert again.call("BlankCheck", BASE + 336, 16, 0xFF) == 0
    assert again.device.core.vector_table == vectors
    assert again.call("EraseSector", BASE) == 0
    assert again.program(BASE, data) == 0
    assert sums(again, BASE, len(data), 1) == [(zlib.crc32(data), 0)]


NEW = (b"\x5a" * 144).ljust(PAGE, b"\xff") + b"\xa5" * QUAD


def flash(algorithm: Algorithm) -> None:
    """Make the flash hold NEW, writing only the sectors that do not."""
    algorithm.open()
    for at, (checksum, broken) in zip(range(0, len(NEW), PAGE), sums(algorithm, BASE, PAGE, 2), strict=True):
        wanted = NEW[at : at + PAGE]
        if broken or checksum != zlib.crc32(wanted.ljust(PAGE, b"\xff")):
            assert algorithm.call("EraseSector", BASE + at) == 0
            assert algorithm.program(BASE + at, wanted.rstrip(b"\xff")) == 0


@pytest.mark.parametrize("mess", Mess)
def test_flashing_again_mends_any_loss_of_power(mess: Mess) -> None:
    """Wherever and however the power fails, flashing again brings the content; what only seemed to be there is found
    the next time, and then stays."""
    power = PowerSupply()
    for at in range(12):
        part = ChipFlash(power)
        for sector in range(2):
            part.program(sector * PAGE, b"\x11" * 64)
        power.restore(Cut(at, mess))
        with pytest.raises(PowerCut):
            flash(Algorithm(part))
        for _ in range(2):
            power.restore()
            flash(Algorithm(part))
            assert part.memory.read(0, len(NEW)) == NEW
        for _ in range(2):
            power.restore()
        assert part.memory.read(0, len(NEW)) == NEW
