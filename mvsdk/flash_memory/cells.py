"""What the two memories share: pages, kept apart so that a copy of the whole costs next to nothing.

A `Page` never changes; writing makes a new one. So a state is a dictionary of pages, two states share the pages that
are the same, and comparing them is mostly comparing identities. An erased page is not kept at all.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from types import MappingProxyType

from mvsdk.flash_memory.errors import FlashContentError, FlashRuleError
from mvsdk.flash_memory.memory import ERASED
from mvsdk.flash_memory.power import Mess, PowerCut, PowerSupply

_SETTLES_AFTER = 2
"""At which power-up from the cut on a marginal cell shows: it survives the first."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page. Units are what is programmed at once; `programmed` and `unreadable` have one bit for each.

    `half_erased` pages read differently every time; `reads` is the parity of how often. `later` is what the page turns
    into when the power comes back for the `settles`-th time.
    """

    data: bytes
    programmed: int = 0
    unreadable: int = 0
    half_erased: bool = False
    reads: int = 0
    later: Page | None = None
    settles: int = 0


@dataclass(frozen=True, slots=True)
class FlashState:
    """All content of a flash memory at one instant, and how often each page was erased. A value."""

    pages: Mapping[int, Page]
    wear: Mapping[int, int]


class PagedFlash(ABC):
    """A flash memory of pages. `seed` decides what interrupted operations leave."""

    def __init__(
        self, size: int, erase_size: int, program_size: int, unit: int, power: PowerSupply | None, seed: int
    ) -> None:
        if size <= 0 or size % erase_size or erase_size % unit:
            raise ValueError(f"a flash of {size} bytes cannot have pages of {erase_size} and units of {unit}")
        self._size, self._erase_size, self._program_size, self._unit = size, erase_size, program_size, unit
        self._seed = seed
        self._power = power or PowerSupply()
        self._power.connect(self)
        self._pages: dict[int, Page] = {}
        self._wear: dict[int, int] = {}
        self._blank = Page(ERASED * erase_size)

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self._size

    @property
    def erase_size(self) -> int:
        """The page that is erased at once."""
        return self._erase_size

    @property
    def program_size(self) -> int:
        """What address and length of a `program` must be multiples of."""
        return self._program_size

    @property
    def wear(self) -> Mapping[int, int]:
        """How often each page was erased, by its number; those never erased are left out."""
        return MappingProxyType(self._wear)

    def read(self, address: int, length: int) -> bytes:
        """Return bytes. Raises EccError, FlashRuleError, PowerCut."""
        self._power.check()
        self._check_range(address, length)
        size = self._erase_size
        if not length:
            return b""
        first, last = address // size, (address + length - 1) // size
        if first == last:
            start = address - first * size
            return self._readable(first, start, start + length)
        parts = [self._readable(first, address - first * size, size)]
        parts += [self._readable(number, 0, size) for number in range(first + 1, last)]
        parts.append(self._readable(last, 0, address + length - last * size))
        return b"".join(parts)

    def program(self, address: int, data: bytes) -> None:
        """Write `data`. Raises FlashRuleError before anything is written, or PowerCut."""
        self.check_program(address, data)
        if not data:
            return
        first, last = address // self._unit, (address + len(data) - 1) // self._unit
        cut = self._power.spend(self, last - first + 1, address, data)
        if cut is None:
            self._write(address, data)
            return
        done, mess = cut
        edge = max(address, (first + done) * self._unit)
        end = min(address + len(data), (first + done + 1) * self._unit)
        self._write(address, data[: edge - address])
        self._interrupt(mess, edge, data[edge - address : end - address])
        raise PowerCut

    def erase(self, address: int) -> None:
        """Erase the page at `address`. Raises FlashRuleError, PowerCut."""
        self._check_range(address, self._erase_size)
        if address % self._erase_size:
            raise FlashRuleError(f"no page starts at {address:#x}", f"pages have {self._erase_size} bytes")
        number = address // self._erase_size
        cut = self._power.spend(self, 1, address, None)
        mess = Mess.AFTER if cut is None else cut[1]
        if mess is not Mess.BEFORE:
            self._wear[number] = self._wear.get(number, 0) + 1
            self._settle(number, mess, self._blank, self._half_erased(number))
        if cut is not None:
            raise PowerCut

    def power_up(self) -> None:
        """Have power again: what only seemed so shows itself."""
        for number, page in [*self._pages.items()]:
            if page.later is not None:
                left = page.settles - 1
                self._keep(number, replace(page, settles=left) if left else page.later)

    def state(self) -> FlashState:
        """Return everything there is, cheaply."""
        return FlashState(self._pages.copy(), self._wear.copy())

    def load(self, state: FlashState) -> None:
        """Become what `state` says; it must be of such a flash."""
        self._pages, self._wear = dict(state.pages), dict(state.wear)

    def hold(self, contents: Mapping[int, bytes]) -> None:
        """Become a flash without wear that holds these pages, by number, and is erased elsewhere."""
        erased = self._blank.data
        self._pages = {number: self._found(data) for number, data in contents.items() if data != erased}
        self._wear = {}

    def page(self, number: int) -> Page:
        """Return what a page holds, whatever reading it would do."""
        return self._pages.get(number, self._blank)

    def check_program(self, address: int, data: bytes) -> None:
        """Raise the FlashRuleError that `program` would, and do nothing else."""
        self._check_range(address, len(data))
        self._check_program(address, data)

    def save(self) -> bytes:
        """Return everything there is as bytes that `restore` understands."""
        pages = {str(number): _plain(page) for number, page in sorted(self._pages.items())}
        wear = {str(number): count for number, count in sorted(self._wear.items())}
        kind = {"size": self._size, "page": self._erase_size, "unit": self._unit}
        return json.dumps({"flash": kind, "pages": pages, "wear": wear}, separators=(",", ":")).encode()

    def restore(self, saved: bytes) -> None:
        """Become what was saved of such a flash. Raises FlashContentError, and then changes nothing."""
        remedy = "save the flash again, or start with an erased one"
        try:
            document = json.loads(saved)
            kind = {"size": self._size, "page": self._erase_size, "unit": self._unit}
            if document["flash"] != kind:
                raise FlashContentError(f"the saved flash is {document['flash']}, not {kind}", remedy)
            pages = {self._number(key): self._loaded(value) for key, value in document["pages"].items()}
            wear = {self._number(key): int(count) for key, count in document["wear"].items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
            raise FlashContentError(f"the saved flash is damaged: {error!r:.80}", remedy) from error
        self._pages, self._wear = pages, wear

    @abstractmethod
    def _check_program(self, address: int, data: bytes) -> None:
        """Raise FlashRuleError for what the part does not allow."""

    @abstractmethod
    def _programmed(self, page: Page, start: int, data: bytes) -> Page:
        """Return the page with `data` written at `start`."""

    @abstractmethod
    def _found(self, data: bytes) -> Page:
        """Return the page that such content, not all of it erased, is taken for."""

    @abstractmethod
    def _torn(self, page: Page, start: int, data: bytes, noise: bytes) -> Page:
        """Return the page after programming `data`, no more than a unit, was interrupted."""

    @abstractmethod
    def _readable(self, number: int, start: int, stop: int) -> bytes:
        """Return a part of a page. Raises EccError."""

    def _keep(self, number: int, page: Page) -> None:
        if page is self._blank or page == self._blank:
            self._pages.pop(number, None)
        else:
            self._pages[number] = page

    def _write(self, address: int, data: bytes) -> None:
        """Program every page that `data` touches."""
        size, position = self._erase_size, 0
        while position < len(data):
            number, start = divmod(address + position, size)
            piece = data[position : position + size - start]
            self._keep(number, _changed(self.page(number), partial(self._programmed, start=start, data=piece)))
            position += len(piece)

    def _interrupt(self, mess: Mess, address: int, data: bytes) -> None:
        """Leave the mess of programming `data`, which is within one unit."""
        if mess is Mess.BEFORE:
            return
        if mess is Mess.AFTER:
            self._write(address, data)
            return
        number, start = divmod(address, self._erase_size)
        page, noise = self.page(number), _noise(self._seed, address, len(data) + 1)
        torn = partial(self._torn, start=start, data=data, noise=noise)
        if mess is Mess.TORN:
            self._keep(number, _changed(page, torn))
        else:
            self._settle(number, mess, self._programmed(page, start, data), torn(page.later or page))

    def _settle(self, number: int, mess: Mess, done: Page, torn: Page) -> None:
        """Leave the page done, torn, or as it seems until the power comes back for the second time."""
        if mess in (Mess.AFTER, Mess.TORN):
            self._keep(number, done if mess is Mess.AFTER else torn)
            return
        seeming = done if mess is Mess.SEEMS_DONE else self.page(number)
        self._keep(number, replace(seeming, later=replace(torn, later=None, settles=0), settles=_SETTLES_AFTER))

    def _half_erased(self, number: int) -> Page:
        noise = _noise(self._seed, number, self._erase_size)
        everything = (1 << self._erase_size // self._unit) - 1
        return Page(noise, programmed=everything, half_erased=True)

    def _fickle(self, number: int, page: Page) -> bytes:
        """Return what a half-erased page reads as this time."""
        self._pages[number] = replace(page, reads=page.reads ^ 1)
        return page.data if page.reads else _noise(self._seed + 1, number, self._erase_size)

    def _check_range(self, address: int, length: int) -> None:
        if address < 0 or length < 0 or address + length > self._size:
            raise FlashRuleError(
                f"{length} bytes at {address:#x} are not in the flash of {self._size:#x}", "stay within it"
            )

    def _number(self, text: str) -> int:
        number = int(text)
        if not 0 <= number < self._size // self._erase_size:
            raise ValueError(f"there is no page {number}")
        return number

    def _loaded(self, plain: dict[str, object]) -> Page:
        later = plain.get("later")
        data = base64.b64decode(str(plain["data"]), validate=True)
        numbers = [plain.get(name, 0) for name in ("programmed", "unreadable", "reads", "settles")]
        limit = 1 << self._erase_size // self._unit
        if len(data) != self._erase_size or not all(isinstance(n, int) and 0 <= n < limit for n in numbers):
            raise ValueError("a page does not fit")
        if later is not None and (not isinstance(later, dict) or later.get("later")):
            raise ValueError("what a page turns into is no page")
        programmed, unreadable, reads, settles = (int(str(number)) for number in numbers)
        settled = self._loaded(later) if isinstance(later, dict) else None
        return Page(data, programmed, unreadable, bool(plain.get("half_erased")), reads & 1, settled, settles)


def _changed(page: Page, change: Callable[[Page], Page]) -> Page:
    """Return the page after a change. What it turns into later changes alike, so marginal cells stay marginal."""
    if page.later is None:
        return change(page)
    now = change(replace(page, later=None, settles=0))
    return replace(now, later=change(page.later), settles=page.settles)


def _plain(page: Page) -> dict[str, object]:
    plain: dict[str, object] = {
        "data": base64.b64encode(page.data).decode(),
        "programmed": page.programmed,
        "unreadable": page.unreadable,
        "half_erased": page.half_erased,
        "reads": page.reads,
        "settles": page.settles,
    }
    if page.later is not None:
        plain["later"] = _plain(page.later)
    return plain


@lru_cache(4096)
def _noise(seed: int, place: int, length: int) -> bytes:
    """Return bytes that look random and depend on the arguments alone."""
    return hashlib.shake_128(f"{seed} {place}".encode()).digest(length)
