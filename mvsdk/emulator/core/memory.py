"""The memory of one Unicorn engine: buffers of ours that the guest executes from and stores to."""

from __future__ import annotations

import ctypes
import mmap
from dataclasses import dataclass

from unicorn import unicorn_const as const
from unicorn.unicorn_py3.unicorn import Uc, uclib

from mvsdk.emulator.core.errors import EngineError

MAP_REMEDY = "Ranges must not overlap, and begin and end at multiples of 4096."
_READ_EXEC, _ALL = const.UC_PROT_READ | const.UC_PROT_EXEC, const.UC_PROT_ALL
_REMOVE_TRANSLATIONS = const.UC_CTL_TB_REMOVE_CACHE | 2 << 26 | const.UC_CTL_IO_WRITE << 30


def check(status: int, doing: str, remedy: str = "Install the unicorn that the lock file names.") -> None:
    """Raise `EngineError` if a call of Unicorn failed."""
    if status != const.UC_ERR_OK:
        raise EngineError(f"Unicorn failed to {doing}: {uclib.uc_strerror(status).decode('ascii')}.", remedy)


@dataclass(frozen=True, slots=True)
class Region:
    """Mapped memory. `data` is the very memory the guest sees."""

    base: int
    size: int
    writable: bool
    data: mmap.mmap


class Memory:
    """All mapped memory of an engine, by address."""

    def __init__(self, engine: Uc) -> None:
        self._handle = engine._uch
        self.regions: list[Region] = []

    def map(self, base: int, size: int, *, writable: bool) -> None:
        """Map zeroed memory."""
        data = mmap.mmap(-1, size)
        host = ctypes.addressof(ctypes.c_char.from_buffer(data))
        status = uclib.uc_mem_map_ptr(self._handle, base, size, _ALL if writable else _READ_EXEC, host)
        check(status, f"map {size:#x} bytes of memory at {base:#010x}", MAP_REMEDY)
        self.regions.append(Region(base, size, writable, data))
        self.regions.sort(key=lambda region: region.base)

    def _region(self, address: int) -> Region:
        for region in self.regions:
            if region.base <= address < region.base + region.size:
                return region
        raise LookupError(f"there is no memory at {address:#010x}")

    def contains(self, address: int) -> bool:
        """Tell whether there is memory at `address`."""
        return any(region.base <= address < region.base + region.size for region in self.regions)

    def read(self, address: int, size: int) -> bytes:
        """Return bytes of mapped memory; `LookupError` where there is none."""
        chunks: list[bytes] = []
        while True:
            region = self._region(address)
            offset = address - region.base
            chunk = region.data[offset : offset + size]
            if len(chunk) == size:
                return b"".join((*chunks, chunk)) if chunks else chunk
            chunks.append(chunk)
            address, size = address + len(chunk), size - len(chunk)

    def write(self, address: int, data: bytes) -> None:
        """Change mapped memory, and forget what was translated from it; `LookupError` where there is none."""
        if len(self.read(address, len(data))) == 0:
            return
        span = ctypes.c_uint64(address), ctypes.c_uint64(address + len(data))
        while data:
            region = self._region(address)
            offset = address - region.base
            chunk = data[: region.size - offset]
            region.data[offset : offset + len(chunk)] = chunk
            address, data = address + len(chunk), data[len(chunk) :]
        check(uclib.uc_ctl(self._handle, _REMOVE_TRANSLATIONS, *span), "forget translated code")

    def writable(self, address: int, size: int) -> bool:
        """Tell whether the guest may write the whole range, which must be smaller than any hole in the memory map."""
        try:
            return self._region(address).writable and self._region(address + size - 1).writable
        except LookupError:
            return False

    def allow_writes(self, allowed: bool) -> None:
        """Let the guest write what it may write, or nothing."""
        for region in self.regions:
            if region.writable:
                permissions = _ALL if allowed else _READ_EXEC
                status = uclib.uc_mem_protect(self._handle, region.base, region.size, permissions)
                check(status, "change permissions")
