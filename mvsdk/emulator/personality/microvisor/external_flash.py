"""External flash: the six calls on the application's part of the SPI chip."""

from __future__ import annotations

from typing import ClassVar

from mvsdk.abi import Abi
from mvsdk.emulator.nor_flash import NorFlash
from mvsdk.emulator.personality import Host
from mvsdk.emulator.personality.microvisor.answers import GuestPointer, Refused, answers
from mvsdk.emulator.personality.microvisor.handles import HandleTable

MOST_HANDLES = 32
VERSION = 1


class _Opened:
    """One opening of the flash. It has no state of its own."""

    STATE: ClassVar[tuple[str, ...]] = ()


class ExternalFlash:
    """The flash as the application sees it: addresses from 0 to the size of its area. The content belongs to the
    device and outlives every restart."""

    def __init__(self, host: Host, abi: Abi, handles: HandleTable, chip: NorFlash) -> None:
        self._host = host
        self._info = abi.structs["MvExternalFlashInfo"]
        self._handles = handles
        self._chip = chip
        handles.keep("external flash", _Opened, _Opened)

    @answers("mvExternalFlashOpen")
    def open(self, handle_out: GuestPointer) -> None:
        """Hand out one more handle."""
        if self._opened() >= MOST_HANDLES:
            raise Refused("TOOMANYCHANNELS")
        handle_out.write_word(self._handles.add(_Opened()))

    @answers("mvExternalFlashClose")
    def close(self, handle: GuestPointer) -> None:
        """Take a handle back."""
        self._handles.remove(handle.read_word(), _Opened)
        handle.write_word(0)

    @answers("mvExternalFlashReadBlocking")
    def read(self, handle: int, address: int, length: int, buffer: GuestPointer) -> None:
        """Copy bytes out of the flash; any address and length will do."""
        self._check(handle, address, length)
        buffer.write(self._chip.read(address, length))
        self._host.spend_us(self._chip.facts.read_us(length))

    @answers("mvExternalFlashWriteBlocking")
    def write(self, handle: int, address: int, length: int, buffer: GuestPointer) -> None:
        """Program bytes; any address and length will do, and only erased bits become what is written."""
        self._check(handle, address, length)
        self._chip.program(address, buffer.read())
        self._host.spend_us(self._chip.facts.program_us(address, length))

    @answers("mvExternalFlashEraseBlocking")
    def erase(self, handle: int, address: int, length: int) -> None:
        """Erase whole sectors."""
        self._check(handle, address, length)
        sector = self._chip.facts.sector_size
        if address % sector or length % sector:
            raise Refused("INVALIDBUFFERALIGNMENT")
        self._chip.erase(address, length)
        self._host.spend_us(self._chip.facts.erase_us(length))

    @answers("mvExternalFlashGetInfo")
    def info(self, handle: int, info: GuestPointer) -> None:
        """Say which chip this is, how much of it is the application's, and how many handles are out."""
        self._handles.find(handle, _Opened)
        if self._info.unpack(info.read())["version"] != VERSION:
            raise Refused("UNSUPPORTEDSTRUCTUREVERSION")
        facts = self._chip.facts
        values = {"version": VERSION, "v1.chip_id": facts.chip_id, "v1.size": facts.application_size}
        info.write(self._info.pack({**values, "v1.num_handles": self._opened()}))

    def _opened(self) -> int:
        return sum(1 for _ in self._handles.all(_Opened))

    def _check(self, handle: int, address: int, length: int) -> None:
        self._handles.find(handle, _Opened)
        if address + length > self._chip.facts.application_size:
            raise Refused("ADDRESSOUTOFRANGE")
