"""GPDMA1: sixteen channels that move data by themselves (RM0456, chapter 17).

Modelled: blocks and, in channels 12 to 15, repeated blocks with their address offsets; linked lists, link by link too;
all data widths with padding, truncation, packing and exchanges; requests of software and of peripherals, by bursts or
by blocks; triggers (`gpdma-triggers.csv`) with a second hit remembered and a third one told; every flag, suspension,
reset, an interrupt a channel. Not modelled: priorities, the two ports and their arbitration. What a transfer costs is
inferred: `ITEM_CYCLES` for each datum read, `LINK_CYCLES` for each word of a linked-list item. Software requests move
up to `CHUNK` data at the moment the last of them is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import ClassVar

from mvsdk.emulator.core import BusFault
from mvsdk.emulator.soc.bus_master import BusMaster
from mvsdk.emulator.soc.registers import WORD, RegisterBlock, rows
from mvsdk.emulator.soc.requests import request_names
from mvsdk.emulator.soc.triggers import Listener, TriggerLines
from mvsdk.emulator.soc.wiring import Alarm, InterruptLine, Wiring

CHANNELS = 16
REPEATING = range(12, 16)
"""Channels that repeat blocks and know address offsets."""
ITEM_CYCLES = 4
LINK_CYCLES = 2
SUSPEND_CYCLES = 16
"""Until a channel that waits has suspended itself (inferred). Versions of the vendor's HAL rely on not finding SUSPF at
once: HAL_DMAEx_Suspend waits for it to be clear."""
CHUNK = 64
EN, RESET, SUSP, LSM = 1 << 0, 1 << 1, 1 << 2, 1 << 16
IDLEF, TCF, HTF, DTEF, ULEF, USEF, SUSPF, TOF = (1 << bit for bit in (0, 8, 9, 10, 11, 12, 13, 14))
SWREQ, DREQ, BREQ = 1 << 9, 1 << 10, 1 << 11
_FLAGS = 0x7F00
_INTERRUPT_ENABLES = 0x7F00
_CONFIGURATION = frozenset({"CLBAR", "CTR1", "CTR2", "CBR1", "CSAR", "CDAR", "CTR3", "CBR2", "CLLR"})
"""Registers that are read-only while a channel is enabled."""
_LINKED = (
    ("CTR1", 31),
    ("CTR2", 30),
    ("CBR1", 29),
    ("CSAR", 28),
    ("CDAR", 27),
    ("CTR3", 26),
    ("CBR2", 25),
    ("CLLR", 16),
)
"""The words of a linked-list item in their order in memory, with the bit of CLLR that says they are there."""
_REPEATED_ONLY = frozenset({"CTR3", "CBR2"})
_BLOCK, _REPEATED_BLOCK, _ITEM, _LAST = range(4)
"""CTR2.TCEM: at the end of what the transfer is complete."""

_PER_BLOCK, _PER_REPEATED_BLOCK, _PER_LINK, _PER_BURST = range(4)
"""CTR2.TRIGM: what each hit of the trigger lets happen."""
_RISING, _FALLING = 1, 2
"""CTR2.TRIGPOL; others mean that no trigger is needed."""
_TRIGGER_CHOICE = 0x033F_0000
"""TRIGPOL and TRIGSEL: where an item changes them, hits of before count no more."""


@cache
def trigger_lines() -> Mapping[int, str]:
    """Return the trigger lines that CTR2.TRIGSEL selects, by their numbers (as in the vendor's HAL)."""
    return {int(row["number"]): row["line"] for row in rows("gpdma-triggers")}


@dataclass(frozen=True, slots=True)
class Transfer:
    """What CTR1 says about one datum (RM0456, 17.4.11)."""

    control: int

    @property
    def valid(self) -> bool:
        """Whether both widths exist."""
        return self.control & 3 != 3 and self.control >> 16 & 3 != 3

    @property
    def source_width(self) -> int:
        """Bytes read at a time."""
        return 1 << (self.control & 3)

    @property
    def destination_width(self) -> int:
        """Bytes written at a time."""
        return 1 << (self.control >> 16 & 3)

    @property
    def source_burst(self) -> int:
        """Data read for one request of a source."""
        return (self.control >> 4 & 0x3F) + 1

    @property
    def destination_burst(self) -> int:
        """Data written for one request of a destination."""
        return (self.control >> 20 & 0x3F) + 1

    @property
    def increments(self) -> tuple[int, int]:
        """How far both addresses move with each datum."""
        return (
            self.source_width if self.control >> 3 & 1 else 0,
            self.destination_width if self.control >> 19 & 1 else 0,
        )

    @property
    def packs(self) -> bool:
        """Whether data of different widths are cut and joined, none of their bytes lost."""
        return bool(self.control >> 12 & 1)

    @property
    def copies(self) -> bool:
        """Whether bytes arrive as they are."""
        return self.source_width == self.destination_width and not self.control & (1 << 13 | 1 << 26 | 1 << 27)

    def taken(self, item: bytes) -> bytes:
        """Return the bytes that a datum read becomes on its way to the destination."""
        if self.control >> 13 & 1 and len(item) == 4:
            item = bytes((item[0], item[2], item[1], item[3]))
        source, destination = self.source_width, self.destination_width
        if source == destination or self.packs:
            return item
        second = bool(self.control >> 11 & 1)  # sign instead of zeros, or the high part instead of the low one
        if source < destination:
            padding = b"\xff" if second and item[-1] & 0x80 else b"\0"
            return item + padding * (destination - source)
        return item[-destination:] if second else item[:destination]

    def given(self, item: bytes) -> bytes:
        """Return a datum as it is written, its bytes and half-words perhaps exchanged."""
        if self.control >> 26 & 1 and len(item) >= 2:
            item = b"".join(item[at : at + 2][::-1] for at in range(0, len(item), 2))
        if self.control >> 27 & 1 and len(item) == 4:
            item = item[2:] + item[:2]
        return item


class GpdmaChannel(RegisterBlock):
    """One channel, by its number. `bus` is what it reads and writes."""

    STATE: ClassVar[tuple[str, ...]] = (
        "registers", "_line", "_moving", "_suspending", "_flags", "_fifo", "_block", "_repeats", "_bursts", "_in_block",
        "_half_due", "_linking", "_hit", "_hit_again", "_heeded",
    )  # fmt: skip

    def __init__(self, number: int, wiring: Wiring, bus: BusMaster, interrupt: int, triggers: TriggerLines) -> None:
        super().__init__("gpdma-channel")
        self._completed = f"GPDMA1_CH{number}_TCF"
        self._triggers = triggers
        for line in trigger_lines().values():
            triggers.connect(line, self._listener(line))
        self._hit = False
        """Whether the trigger has let something happen that is not over."""
        self._hit_again = False
        self._heeded = ""
        self._wiring = wiring
        self._bus = bus
        self._line = InterruptLine(wiring, interrupt)
        self._moving = Alarm(wiring, self._moved)
        self._suspending = Alarm(wiring, self._suspended)
        self._repeating = number in REPEATING
        self._flags = 0
        self._fifo = b""
        self._block = 0
        self._repeats = 0
        self._bursts = [0, 0]  # data read and written in the present bursts
        self._in_block = False
        self._half_due = False
        self._linking = False

    def reset(self) -> None:
        """Stop, and forget everything."""
        super().reset()
        self._flags = 0
        self._halt()
        self._settle()

    @property
    def interrupting(self) -> bool:
        """Whether a flag is set whose interrupt is enabled."""
        return bool(self._flags & self.registers["CCR"] & _INTERRUPT_ENABLES)

    # -- registers -----------------------------------------------------------------------------------------------------

    def fetch(self, name: str) -> int:
        """Return a register."""
        if name != "CSR":
            return super().fetch(name)
        idle = not self.registers["CCR"] & EN or self._flags & SUSPF
        return self._flags | (IDLEF if idle else 0) | len(self._fifo) // self._transfer().destination_width << 16

    def store(self, name: str, bits: int, mask: int) -> None:
        """Change a register; what configures a channel only while it is disabled."""
        if name == "CFCR":
            self._flags &= ~(bits & _FLAGS)
        elif name == "CCR":
            self._control(bits, mask)
        elif name not in _CONFIGURATION:
            super().store(name, bits, mask)
        elif not self.registers["CCR"] & EN:
            super().store(name, bits, mask & self._implemented(name))
        self._settle()

    def _implemented(self, name: str) -> int:
        """Return the bits of a register that this channel has."""
        if self._repeating:
            return WORD
        return {"CTR3": 0, "CBR2": 0, "CBR1": 0xFFFF, "CLLR": WORD & ~(3 << 25)}.get(name, WORD)

    def _control(self, bits: int, mask: int) -> None:
        old = self.registers["CCR"]
        kept = 0 if not old & EN else WORD & ~(_INTERRUPT_ENABLES | SUSP)
        super().store("CCR", bits, mask & ~EN & ~kept)
        if bits & RESET:
            self._halt()
        elif bits & EN and not old & EN:
            self.registers["CCR"] |= EN
            self._fifo = b""
            self._hit = self._hit_again = False
            self._begin()
        elif old & EN:
            self._suspend_or_resume(old)

    def _suspend_or_resume(self, old: int) -> None:
        if self.registers["CCR"] & SUSP and self._moving.due is None and not old & SUSP:
            self._suspending.set(self._wiring.cycle + SUSPEND_CYCLES)
        elif old & SUSP and not self.registers["CCR"] & SUSP:
            self._suspending.set(None)
            self._go_on(self._wiring.cycle)

    def _suspended(self, _: int) -> None:
        self._flags |= SUSPF
        self._settle()

    def _halt(self) -> None:
        """Be disabled, and drop what is on its way."""
        self.registers["CCR"] &= ~(EN | SUSP)
        self._moving.set(None)
        self._suspending.set(None)
        self._fifo = b""
        self._block = self._repeats = 0
        self._in_block = self._linking = False

    def _fail(self, flag: int) -> None:
        self._flags |= flag
        self._halt()

    def _settle(self) -> None:
        self._line.set(self.interrupting)
        heeded = self._trigger_line() if self.registers["CCR"] & EN else ""
        if heeded != self._heeded:
            before, self._heeded = self._heeded, heeded
            for line in (before, heeded):
                self._triggers.wishes_changed(line)

    # -- triggers ------------------------------------------------------------------------------------------------------

    def _trigger_line(self) -> str:
        """Return the line that the channel waits for; none where it needs no trigger."""
        control = self.registers["CTR2"]
        needed = control >> 24 & 3 in (_RISING, _FALLING)
        return trigger_lines().get(control >> 16 & 0x3F, "?") if needed else ""

    def _listener(self, line: str) -> Listener:
        return Listener(
            wanted=lambda: self._heeded == line,
            rose=partial(self._edge, _RISING),
            fell=partial(self._edge, _FALLING),
        )

    def _edge(self, polarity: int) -> None:
        """Hear of an edge of the trigger: it lets the next part happen, or that after it, or is one too many."""
        if self.registers["CTR2"] >> 24 & 3 != polarity:
            return
        if self._hit and self._hit_again:
            self._flags |= TOF
        elif self._hit:
            self._hit_again = True
        else:
            self._hit = True
            self._go_on(self._wiring.cycle)
        self._settle()

    def _trigger_mode(self) -> int | None:
        """Return what each hit lets happen; None where none is needed."""
        return self.registers["CTR2"] >> 14 & 3 if self._trigger_line() else None

    def _waits_for_trigger(self) -> bool:
        mode = self._trigger_mode()
        return mode is not None and (mode == _PER_LINK) == self._linking and not self._hit

    def _triggered_over(self, *modes: int) -> None:
        """Hear that something is over that a hit let happen, in one of these modes."""
        if self._trigger_mode() in modes:
            self._hit, self._hit_again = self._hit_again, False

    # -- blocks and links ----------------------------------------------------------------------------------------------

    def _transfer(self) -> Transfer:
        return Transfer(self.registers["CTR1"])

    def _left(self) -> int:
        return self.registers["CBR1"] & 0xFFFF

    def _begin(self) -> None:
        """Start with what the registers say: a block, or the link to the first one."""
        self._in_block = False
        if not self._left():
            if self.registers["CLLR"]:
                self._link(self._wiring.cycle)
            else:
                self._fail(USEF)
        elif self._sound():
            self._block, self._repeats = self._left(), self.registers["CBR1"] >> 16 & 0x7FF
            self._bursts, self._half_due = [0, 0], True
            self._go_on(self._wiring.cycle)
        else:
            self._fail(USEF)

    def _sound(self) -> bool:
        """Say whether the settings make sense: widths, alignment, whole data (RM0456, 17.4.18)."""
        transfer = self._transfer()
        if not transfer.valid:
            return False
        source, destination = transfer.source_width, transfer.destination_width
        bursts, blocks = self.registers["CTR3"], self.registers["CBR2"]
        return not (
            self._left() % source
            or (self.registers["CSAR"] | bursts & 0xFFFF | blocks & 0xFFFF) % source
            or (self.registers["CDAR"] | bursts >> 16 | blocks >> 16) % destination
            or (transfer.packs and self._left() % destination)
        )

    def _link(self, cycle: int) -> None:
        words = sum(1 for name, bit in _LINKED if self._linked(name, bit))
        self._linking = True
        self._moving.set(cycle + max(1, words) * LINK_CYCLES)

    def _linked(self, name: str, bit: int) -> bool:
        return bool(self.registers["CLLR"] >> bit & 1) and (self._repeating or name not in _REPEATED_ONLY)

    def _load(self) -> None:
        """Take the next linked-list item from memory. What it does not hold stays; a block is as long as the last."""
        link = self.registers["CLLR"]
        address = self.registers["CLBAR"] & 0xFFFF_0000 | link & 0xFFFC
        names = [name for name, bit in _LINKED if self._linked(name, bit)]
        before = self.registers["CTR2"]
        self._triggered_over(_PER_LINK)
        if "CBR1" not in names:
            self.registers["CBR1"] |= self._repeats << 16 | self._block
        for number, name in enumerate(names):
            value = self._bus.read(address + 4 * number, 4)
            super().store(name, value, self._implemented(name))
        if (before ^ self.registers["CTR2"]) & _TRIGGER_CHOICE:
            self._hit = self._hit_again = False

    # -- moving --------------------------------------------------------------------------------------------------------

    def requested(self, name: str) -> None:
        """Hear that a request line has gone high."""
        control = self.registers["CTR2"]
        waiting = self.registers["CCR"] & EN and self._moving.due is None and not control & SWREQ
        if waiting and request_names().get(control & 0x7F) == name:
            self._go_on(self._wiring.cycle)

    def _asked(self) -> bool:
        """Say whether something asks for the next data."""
        control = self.registers["CTR2"]
        if control & SWREQ or (control & BREQ and self._in_block):
            return True
        name = request_names().get(control & 0x7F)
        return name is not None and self._wiring.requests.level(name)

    def _go_on(self, cycle: int) -> None:
        """Arrange the next step, if there is one to make."""
        if not self.registers["CCR"] & EN or self._moving.due is not None:
            return
        if self.registers["CCR"] & SUSP:
            self._flags |= SUSPF
        elif self._waits_for_trigger():
            return
        elif self._linking:
            self._link(cycle)
        elif self._asked():
            self._moving.set(cycle + self._items() * ITEM_CYCLES)

    def _items(self) -> int:
        """Return how many data the next step takes, counted on the side that asks: a burst, or as many as software asks
        for at once, but not across half a block."""
        transfer, control, left = self._transfer(), self.registers["CTR2"], self._left()
        available = -(-left // transfer.source_width)
        if control & (SWREQ | BREQ) and self._trigger_mode() == _PER_BURST:
            return max(1, min(available, transfer.source_burst))
        if control & (SWREQ | BREQ):
            done, half = self._block - left, -(-self._block // 2)
            if done < half:
                available = -(-(half - done) // transfer.source_width)
            return max(1, min(available, CHUNK))
        return transfer.destination_burst if control & DREQ else min(available, transfer.source_burst)

    def _moved(self, cycle: int) -> None:
        """A step is over."""
        try:
            if self._linking:
                self._load()
                self._linking = False
                self._linked_up(cycle)
            else:
                self._step()
                self._account(cycle)
        except BusFault:
            self._fail(ULEF if self._linking else DTEF)
        self._settle()

    def _linked_up(self, cycle: int) -> None:
        """Start the item that was loaded, unless items are executed one at a time."""
        if self.registers["CCR"] & LSM:
            self._halt()
        else:
            self._begin()

    def _step(self) -> None:
        """Move data: those of a burst, or as many as a software request moves at once."""
        transfer, control = self._transfer(), self.registers["CTR2"]
        name = request_names().get(control & 0x7F)
        if not control & SWREQ and not (control & BREQ and self._in_block) and name is not None:
            self._wiring.requests.served(name)
        items = self._items()
        self._in_block = True
        if control & SWREQ and self._copied(transfer, items):
            return
        for _ in range(items):
            if control & (SWREQ | BREQ) or not control & DREQ:
                self._read_item(transfer)
                self._write_items(transfer, len(self._fifo) // transfer.destination_width)
            else:
                while len(self._fifo) < transfer.destination_width and self._left():
                    self._read_item(transfer)
                self._write_items(transfer, 1)

    def _copied(self, transfer: Transfer, items: int) -> bool:
        """Move whole ranges between memories at once, if that is all there is to do."""
        length = items * transfer.source_width
        if not transfer.copies or 0 in transfer.increments or self.registers["CTR3"]:
            return False
        try:
            data = self._bus.read_memory(self.registers["CSAR"], length)
            if self._overlap(length):
                return False
            self._bus.write_memory(self.registers["CDAR"], data)
        except BusFault:
            return False  # datum by datum, to find the one that fails
        self._advance("CSAR", length)
        self._advance("CDAR", length)
        self.registers["CBR1"] -= length
        return True

    def _overlap(self, length: int) -> bool:
        """Say whether a range would be read after it has been written."""
        return 0 < self.registers["CDAR"] - self.registers["CSAR"] < length

    def _read_item(self, transfer: Transfer) -> None:
        if not self._left():
            return
        width = transfer.source_width
        value = self._bus.read(self.registers["CSAR"], width)
        self._fifo += transfer.taken(value.to_bytes(width, "little"))
        self._advance("CSAR", transfer.increments[0])
        self.registers["CBR1"] -= width
        self._burst(0, transfer.source_burst)

    def _write_items(self, transfer: Transfer, count: int) -> None:
        width = transfer.destination_width
        for _ in range(count):
            if len(self._fifo) < width:
                return
            item, self._fifo = self._fifo[:width], self._fifo[width:]
            self._bus.write(self.registers["CDAR"], width, int.from_bytes(transfer.given(item), "little"))
            self._advance("CDAR", transfer.increments[1])
            self._burst(1, transfer.destination_burst)

    def _advance(self, name: str, distance: int) -> None:
        self.registers[name] = self.registers[name] + distance & WORD

    def _burst(self, side: int, length: int) -> None:
        """Count a datum read (0) or written (1); after a burst its address moves by the offset in CTR3."""
        self._bursts[side] = (self._bursts[side] + 1) % length
        if not self._bursts[side]:
            distance = self.registers["CTR3"] >> 16 * side & 0x1FFF
            backwards = self.registers["CBR1"] >> 28 + side & 1
            self._advance(("CSAR", "CDAR")[side], -distance if backwards else distance)

    # -- events --------------------------------------------------------------------------------------------------------

    def _event(self) -> int:
        """Return the level at which half and complete transfers are told."""
        return self.registers["CTR2"] >> 30

    def _last(self) -> bool:
        return not self.registers["CLLR"]

    def _account(self, cycle: int) -> None:
        """Set flags for what has been moved, and go on."""
        left, repeats = self._left(), self.registers["CBR1"] >> 16 & 0x7FF
        half = -(-self._block // 2)
        event = self._event()
        single = event == _BLOCK or not self._repeats
        if self._half_due and self._block - left >= half:
            self._half_due = False
            if single and (event != _LAST or self._last()):
                self._flags |= HTF
        self._triggered_over(_PER_BURST)
        if left or self._fifo:
            self._go_on(cycle)
        else:
            self._end_block(cycle, repeats)

    def _end_block(self, cycle: int, repeats: int) -> None:
        self._in_block = False
        event = self._event()
        self._triggered_over(_PER_BLOCK, *([] if repeats else [_PER_REPEATED_BLOCK]))
        if event == _BLOCK:
            self._complete()
        if repeats:
            self._repeat(repeats)
            if event != _BLOCK and repeats - 1 == self._repeats // 2 and (event != _LAST or self._last()):
                self._flags |= HTF
            self._go_on(cycle)
            return
        if self._repeats:
            self._block_offsets()
        if event in (_REPEATED_BLOCK, _ITEM) or (event == _LAST and self._last()):
            self._complete()
        if self._last():
            self._halt()
        else:
            self._linking = True
            self._go_on(cycle)

    def _complete(self) -> None:
        self._flags |= TCF
        self._triggers.pulse(self._completed)

    def _repeat(self, repeats: int) -> None:
        """Begin the block once more, from addresses that are set off."""
        self._half_due = True
        self._block_offsets()
        self.registers["CBR1"] = self.registers["CBR1"] & 0xF000_0000 | repeats - 1 << 16 | self._block

    def _block_offsets(self) -> None:
        offsets, control = self.registers["CBR2"], self.registers["CBR1"]
        source, destination = offsets & 0xFFFF, offsets >> 16
        self._advance("CSAR", -source if control >> 30 & 1 else source)
        self._advance("CDAR", -destination if control >> 31 & 1 else destination)


class Gpdma(RegisterBlock):
    """The controller: what the channels have in common."""

    STATE: ClassVar[tuple[str, ...]] = ("registers",)

    def __init__(self, wiring: Wiring, channels: list[GpdmaChannel]) -> None:
        super().__init__("gpdma")
        self._channels = channels
        wiring.requests.listen(self._requested)

    def fetch(self, name: str) -> int:
        """Return a register."""
        if name != "MISR":
            return super().fetch(name)
        return sum(1 << number for number, channel in enumerate(self._channels) if channel.interrupting)

    def _requested(self, name: str) -> None:
        for channel in self._channels:
            channel.requested(name)
