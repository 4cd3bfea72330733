"""Serial EEPROMs of 32 KiB: the 24LC256 on I2C (Microchip DS21203) and the 25LC256 on SPI (DS21822).

Both write up to a page of 64 bytes at a time, wrapping at its end, and take 5 ms for it, in which the one acknowledges
nothing and the other answers only its status. Without surroundings a write takes no time. What they hold without power
lies in a `Storage`: the 32 KiB, and behind those of the 25LC256 a byte for its status register, inverted.
"""

from __future__ import annotations

import enum
from typing import ClassVar

from mvsdk.emulator.bus_devices.protocols import Surroundings
from mvsdk.emulator.saving import Loading, Plain, Saving
from mvsdk.flash_memory import ERASED, Storage

SIZE = 32 * 1024
PAGE = 64
WRITE_US = 5_000
ADDRESS = 0x50
"""The 24LC256's address with A0 to A2 low."""


class EepromArray:
    """The memory behind either interface, of `capacity` bytes."""

    def __init__(self, capacity: int) -> None:
        self._storage: Storage = bytearray(ERASED * capacity)
        self._surroundings: Surroundings | None = None
        self._busy_until = 0

    def keep_in(self, storage: Storage) -> None:
        """Hold what a storage holds. `ValueError` for one of another size."""
        if len(storage) != len(self._storage):
            raise ValueError(f"the storage has {len(storage)} bytes, not {len(self._storage)}")
        self._storage = storage

    def attach(self, surroundings: Surroundings) -> None:
        """Measure time."""
        self._surroundings = surroundings

    @property
    def busy(self) -> bool:
        """Whether a page is being written."""
        return self._surroundings is not None and self._surroundings.cycle < self._busy_until

    def read(self, address: int) -> int:
        """Return a byte."""
        return self._storage[address : address + 1][0]

    def write(self, address: int, data: bytes) -> None:
        """Write bytes from `address` on, within its page; of more than a page the last 64 count."""
        page = _page(address, len(self._storage))
        content = bytearray(self._storage[page])
        for offset, byte in enumerate(data):
            content[(address + offset) % PAGE] = byte
        self._storage[page] = bytes(content)
        if self._surroundings is not None:
            self._busy_until = self._surroundings.cycle + self._surroundings.cycles(WRITE_US)

    def saved_state(self, save: Saving) -> Plain:
        """Return how long it is busy, and every page that is not erased."""
        pages = {start: bytes(self._storage[page]) for start, page in self._pages().items()}
        written = {start: content for start, content in pages.items() if content.strip(ERASED)}
        return {"busy_until": self._busy_until, "pages": save.value(written, "pages")}

    def load_state(self, data: Plain, load: Loading) -> None:
        """Hold what was saved; the storage is only written where it differs."""
        match data:
            case {"busy_until": int() as busy_until, "pages": written, **rest} if not rest:
                contents = load.value({}, written, "pages")
            case _:
                raise ValueError(f"{str(data)[:80]} is no content of an EEPROM")
        pages = self._pages()
        if not contents.keys() <= pages.keys():
            raise ValueError("an EEPROM has other pages")
        for start, page in pages.items():
            length = page.stop - page.start
            content = contents.get(start, ERASED * length)
            if not isinstance(content, bytes) or len(content) != length:
                raise ValueError(f"the page at {start} has {length} bytes")
            if self._storage[page] != content:
                self._storage[page] = content
        self._busy_until = busy_until

    def _pages(self) -> dict[int, slice]:
        size = len(self._storage)
        return {start: _page(start, size) for start in range(0, size, PAGE)}


def _page(address: int, size: int) -> slice:
    start = address - address % PAGE
    return slice(start, min(start + PAGE, size))


class I2cEeprom:
    """A 24LC256."""

    CAPACITY: ClassVar[int] = SIZE
    STATE: ClassVar[tuple[str, ...]] = ("_array", "_pointer", "_received", "_writing")

    def __init__(self) -> None:
        self._array = EepromArray(self.CAPACITY)
        self._pointer = 0
        self._received = b""
        self._writing = False

    def attach(self, surroundings: Surroundings) -> None:
        """See `Situated`."""
        self._array.attach(surroundings)

    def keep_in(self, storage: Storage) -> None:
        """See `Lasting`."""
        self._array.keep_in(storage)

    def start(self, *, reading: bool) -> bool:
        """Be addressed; while a page is written there is no acknowledge. A repeated start takes back what was sent."""
        if self._array.busy:
            self._writing = False
            return False
        self._writing = not reading
        self._received = b""
        return True

    def write(self, byte: int) -> bool:
        """Take two bytes of address, high one first, and then data."""
        self._received += bytes((byte,))
        if len(self._received) == 2:
            self._pointer = int.from_bytes(self._received, "big") % SIZE
        return True

    def read(self) -> int:
        """Give the byte at the address counter, which wraps at the end."""
        value = self._array.read(self._pointer)
        self._pointer = (self._pointer + 1) % SIZE
        return value

    def stop(self) -> None:
        """Begin to write what has come."""
        data = self._received[2:]
        if self._writing and data:
            self._array.write(self._pointer, data)
            page = self._pointer - self._pointer % PAGE
            self._pointer = page + (self._pointer + len(data)) % PAGE
        self._writing = False


class Instruction(enum.IntEnum):
    """What a 25LC256 understands."""

    WRSR = 1
    WRITE = 2
    READ = 3
    WRDI = 4
    RDSR = 5
    WREN = 6


_WIP, _WEL, _PROTECTION = 0x01, 0x02, 0x8C


class SpiEeprom:
    """A 25LC256. The write-protect pin is high."""

    CAPACITY: ClassVar[int] = SIZE + 1
    STATE: ClassVar[tuple[str, ...]] = ("_array", "_received", "_enabled")

    def __init__(self) -> None:
        self._array = EepromArray(self.CAPACITY)
        self._received = b""
        self._enabled = False

    def attach(self, surroundings: Surroundings) -> None:
        """See `Situated`."""
        self._array.attach(surroundings)

    def keep_in(self, storage: Storage) -> None:
        """See `Lasting`."""
        self._array.keep_in(storage)

    def select(self) -> None:
        """Begin an instruction."""
        self._received = b""

    def transfer(self, value: int, bits: int) -> int:
        """Take the instruction byte by byte, and answer; longer frames are several bytes, others mean nothing."""
        if bits % 8:
            return (1 << bits) - 1
        answer = [self._exchange(byte) for byte in value.to_bytes(bits // 8, "big")]
        return int.from_bytes(bytes(answer), "big")

    def _exchange(self, byte: int) -> int:
        position = len(self._received)
        self._received += bytes((byte,))
        instruction = self._received[0]
        if instruction == Instruction.RDSR and position >= 1:
            busy = _WIP if self._array.busy else 0
            return self._settings() | busy | (_WEL if self._enabled else 0)
        if instruction == Instruction.READ and position >= 3 and not self._array.busy:
            return self._array.read((self._address() + position - 3) % SIZE)
        return 0xFF

    def _address(self) -> int:
        return int.from_bytes(self._received[1:3], "big") % SIZE

    def deselect(self) -> None:
        """Carry out what changes something."""
        if not self._received or self._array.busy:
            return
        match self._received[0]:
            case Instruction.WREN:
                self._enabled = True
            case Instruction.WRDI:
                self._enabled = False
            case Instruction.WRSR if self._enabled and len(self._received) == 2:
                self._array.write(SIZE, bytes((~self._received[1] & _PROTECTION | 0xFF & ~_PROTECTION,)))
                self._enabled = False
            case Instruction.WRITE if self._enabled and len(self._received) > 3:
                if not self._protected(self._address()):
                    self._array.write(self._address(), self._received[3:])
                self._enabled = False

    def _settings(self) -> int:
        """Return the bits of the status register that last."""
        return ~self._array.read(SIZE) & _PROTECTION

    def _protected(self, address: int) -> bool:
        """Say whether BP1 and BP0 protect an address: none, the upper quarter, the upper half, or all."""
        return address >= (SIZE, SIZE * 3 // 4, SIZE // 2, 0)[self._settings() >> 2 & 3]
