"""The chip's own flash: the part that is soldered (`ChipFlash`), and how the core sees it (`FlashArray`).

In the core the array is memory that is read and executed at full speed and has a guard: what is stored there goes to
the controller. Content is `flash_memory.InternalFlash`; the core's memory is a copy, and follows it page by page.
Only pages with quad-words that cannot be read answer by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

from mvsdk.emulator.core import Core
from mvsdk.emulator.core.memory_image import MemoryImage
from mvsdk.emulator.saving import Loading, Plain, Saving
from mvsdk.flash_memory import (
    ERASED,
    EccError,
    FlashContentError,
    FlashMemory,
    InternalFlash,
    KeptFlash,
    PowerSupply,
    Storage,
)
from mvsdk.flash_memory.cells import Page
from mvsdk.flash_memory.internal import PAGE, QUAD_WORD

BANK = 0x10_0000
SIZE = 2 * BANK
BASE, SECURE_BASE = 0x0800_0000, 0x0C00_0000
_CORE_PAGE = 4096


class ChipFlash:
    """Both banks of the flash and the option bytes, as a part that outlives the devices made around it.

    Addresses are physical: bank 1 first. `storage` keeps the content, `power` may cut operations, `options` are option
    registers by name that differ from the factory's ("OPTR": 0x1feff8aa). Raises `FlashContentError` for a storage of
    another size.
    """

    def __init__(
        self,
        power: PowerSupply | None = None,
        storage: Storage | None = None,
        options: Mapping[str, int] | None = None,
    ) -> None:
        self.power = power or PowerSupply()
        self.memory = InternalFlash(SIZE, self.power)
        self.content: FlashMemory = self.memory if storage is None else KeptFlash(self.memory, storage)
        """What is programmed and erased through."""
        self.options = dict(options or {})
        """The option bytes that were ever written; the others are the factory's."""

    @property
    def blank(self) -> bool:
        """Whether nothing is programmed."""
        return not self.memory.state().pages

    def program(self, address: int, data: bytes) -> None:
        """Program erased pages as the factory does, without taking any time."""
        whole = -(-len(data) // QUAD_WORD) * QUAD_WORD
        self.content.program(address, data.ljust(whole, ERASED))

    def saved_state(self, save: Saving) -> Plain:
        """Return everything there is."""
        return {"memory": self.memory.save().decode("ascii"), "options": save.value(self.options, "options")}

    def load_state(self, data: Plain, load: Loading) -> None:
        """Hold what was saved."""
        match data:
            case {"memory": str() as memory, "options": options, **rest} if not rest:
                found = load.value({}, options, "options")
            case _:
                raise ValueError(f"{str(data)[:80]} is no content of a flash")
        if not all(isinstance(name, str) and isinstance(value, int) for name, value in found.items()):
            raise ValueError("option bytes are words by name")
        saved = InternalFlash(SIZE)
        try:
            saved.restore(memory.encode("ascii"))
        except (FlashContentError, UnicodeEncodeError) as error:
            raise ValueError(str(error)) from error
        target = self.content if isinstance(self.content, KeptFlash) else self.memory
        target.load(saved.state())
        self.options = found


class FlashArray:
    """The array in the core's memory map, at BASE, and with `secure` at SECURE_BASE too.

    `stored(secure, offset, size, value)` hears of every store, `broken(physical, quad-word)` of every read of one that
    cannot be read. Offsets are the core's; `swapped` exchanges the banks.
    """

    NOT_STATE: ClassVar[tuple[str, ...]] = ("_core", "_shown", "_views")

    def __init__(
        self, flash: ChipFlash, stored: Callable[[bool, int, int, int], None], broken: Callable[[int], None]
    ) -> None:
        self.flash = flash
        self.swapped = False
        self._stored = stored
        self._broken = broken
        self._core: Core | None = None
        self._views: tuple[int, ...] = ()
        self._shown: dict[int, Page] = {}

    def lay_out(self, core: Core, *, secure: bool) -> None:
        """Map the array into a core."""
        self._core, self._views = core, (BASE, SECURE_BASE) if secure else (BASE,)
        self._shown = {number: self.flash.memory.page(number) for number in range(SIZE // PAGE)}
        content = b"".join(self._shown[self.physical(start) // PAGE].data for start in range(0, SIZE, PAGE))
        for base in self._views:
            core.map_memory(base, SIZE, writable=False, contents=MemoryImage(content.rstrip(ERASED), SIZE))
            core.guard_memory(base, _View(self, base == SECURE_BASE))
        self._ask_for_broken_pages()

    def physical(self, offset: int) -> int:
        """Return where an offset of the core's is in the flash; the same the other way."""
        return offset ^ BANK if self.swapped else offset

    def swap(self, swapped: bool) -> None:
        """Exchange the banks, or have them as they are."""
        if swapped != self.swapped:
            self.swapped = swapped
            self._shown = {}
            self.refresh()

    def refresh(self, numbers: Iterable[int] = range(SIZE // PAGE)) -> None:
        """Show the core what has changed of these pages."""
        for number in numbers:
            page = self.flash.memory.page(number)
            if self._core is not None and self._shown.get(number) is not page:
                self._shown[number] = page
                for base in self._views:
                    self._core.write_memory(base + self.physical(number * PAGE), page.data)
                self._ask_for(number, page)

    def read(self, offset: int, size: int) -> int:
        """Answer a read of a page that holds quad-words which cannot be read."""
        physical = self.physical(offset)
        number, start = divmod(physical, PAGE)
        try:
            data = self.flash.content.read(physical, size)
        except EccError:
            self._broken(physical - physical % QUAD_WORD)
            data = self.flash.memory.page(number).data[start : start + size]
        return int.from_bytes(data, "little")

    def write(self, secure: bool, offset: int, size: int, value: int) -> None:
        """Hand a store on."""
        self._stored(secure, offset, size, value)

    def saved_state(self, save: Saving) -> Plain:
        """Return content and order of the banks; the core keeps what it shows."""
        return {"flash": save.value(self.flash, "flash"), "swapped": self.swapped}

    def load_state(self, data: Plain, load: Loading) -> None:
        """Take content and order of the banks. The core's memory is loaded by itself."""
        match data:
            case {"flash": flash, "swapped": bool() as swapped, **rest} if not rest:
                load.value(self.flash, flash, "flash")
            case _:
                raise ValueError(f"{str(data)[:80]} is no state of the flash")
        self.swapped = swapped
        self._shown = {number: self.flash.memory.page(number) for number in range(SIZE // PAGE)}
        self._ask_for_broken_pages()

    def _ask_for_broken_pages(self) -> None:
        for number, page in self._shown.items():
            self._ask_for(number, page)

    def _ask_for(self, number: int, page: Page) -> None:
        """Let the core ask here for what a page reads as, if it holds what cannot be read."""
        broken = bool(page.unreadable or page.half_erased)
        for base in self._views:
            for start in range(0, PAGE, _CORE_PAGE):
                if self._core is not None:
                    self._core.guard_reads(base + self.physical(number * PAGE) + start, broken)


class _View:
    """One of the two places in the address space where the array is: a guard of the core's memory."""

    def __init__(self, array: FlashArray, secure: bool) -> None:
        self._array = array
        self._secure = secure

    def read(self, offset: int, size: int) -> int:
        """See `MmioDevice`."""
        return self._array.read(offset, size)

    def write(self, offset: int, size: int, value: int) -> None:
        """See `MmioDevice`."""
        self._array.write(self._secure, offset, size, value)
