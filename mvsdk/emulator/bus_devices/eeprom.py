"""Serial EEPROMs of 32 KiB: the 24LC256 on I2C (Microchip DS21203) and the 25LC256 on SPI (DS21822).

Both write up to a page of 64 bytes at a time, wrapping at its end, and take 5 ms for it, in which the one acknowledges
nothing and the other answers only its status. Without surroundings a write takes no time. The content lies in a
`Storage`, or else in memory, erased at first.
"""

from __future__ import annotations

import enum
from typing import ClassVar

from mvsdk.emulator.bus_devices.protocols import Surroundings
from mvsdk.emulator.nor_flash import ERASED, Storage

SIZE = 32 * 1024
PAGE = 64
WRITE_US = 5_000
ADDRESS = 0x50
"""The 24LC256's address with A0 to A2 low."""


class EepromArray:
    """The memory behind either interface. Raises `ValueError` for a storage of another size."""

    STATE: ClassVar[tuple[str, ...]] = ("_busy_until", "_pages")
    NOT_STATE: ClassVar[tuple[str, ...]] = ("_surroundings", "_storage")

    def __init__(self, storage: Storage | None) -> None:
        if storage is not None and len(storage) != SIZE:
            raise ValueError(f"the storage has {len(storage)} bytes, not {SIZE}")
        self._storage = storage
        self._pages: dict[int, bytes] = {}
        self._surroundings: Surroundings | None = None
        self._busy_until = 0

    def attach(self, surroundings: Surroundings) -> None:
        """Measure time."""
        self._surroundings = surroundings

    @property
    def busy(self) -> bool:
        """Whether a page is being written."""
        return self._surroundings is not None and self._surroundings.cycle < self._busy_until

    def read(self, address: int) -> int:
        """Return a byte."""
        return self._page(address)[address % PAGE]

    def write(self, address: int, data: bytes) -> None:
        """Write bytes from `address` on, within its page; of more than a page the last 64 count."""
        content = bytearray(self._page(address))
        for offset, byte in enumerate(data):
            content[(address + offset) % PAGE] = byte
        start = address - address % PAGE
        if self._storage is None:
            self._pages[start] = bytes(content)
        else:
            self._storage[start : start + PAGE] = bytes(content)
        if self._surroundings is not None:
            self._busy_until = self._surroundings.cycle + self._surroundings.cycles(WRITE_US)

    def _page(self, address: int) -> bytes:
        start = address - address % PAGE
        if self._storage is None:
            return self._pages.get(start, ERASED * PAGE)
        return bytes(self._storage[start : start + PAGE])


class I2cEeprom:
    """A 24LC256. `storage` keeps its 32 KiB."""

    STATE: ClassVar[tuple[str, ...]] = ("_array", "_pointer", "_received", "_writing")

    def __init__(self, storage: Storage | None = None) -> None:
        self._array = EepromArray(storage)
        self._pointer = 0
        self._received = b""
        self._writing = False

    def attach(self, surroundings: Surroundings) -> None:
        """See `Situated`."""
        self._array.attach(surroundings)

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
    """A 25LC256. `storage` keeps its 32 KiB. The write-protect pin is high."""

    STATE: ClassVar[tuple[str, ...]] = ("_array", "_received", "_settings", "_enabled")

    def __init__(self, storage: Storage | None = None) -> None:
        self._array = EepromArray(storage)
        self._received = b""
        self._settings = 0
        self._enabled = False

    def attach(self, surroundings: Surroundings) -> None:
        """See `Situated`."""
        self._array.attach(surroundings)

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
            return self._settings | busy | (_WEL if self._enabled else 0)
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
                self._settings = self._received[1] & _PROTECTION
                self._enabled = False
            case Instruction.WRITE if self._enabled and len(self._received) > 3:
                if not self._protected(self._address()):
                    self._array.write(self._address(), self._received[3:])
                self._enabled = False

    def _protected(self, address: int) -> bool:
        """Say whether BP1 and BP0 protect an address: none, the upper quarter, the upper half, or all."""
        return address >= (SIZE, SIZE * 3 // 4, SIZE // 2, 0)[self._settings >> 2 & 3]
