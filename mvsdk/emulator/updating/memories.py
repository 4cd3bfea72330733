"""The flash memories that the update agent of an emulated device works on, and the time that they take.

The application's part of the chip's flash and the kernel's part of the external flash. Their content is the agent's
affair; the core runs a copy of what the agent has read back and verified.
"""

from __future__ import annotations

from mvsdk.boards import Board
from mvsdk.emulator.nor_flash import chip_facts
from mvsdk.emulator.soc.flash import Work, operation_us
from mvsdk.flash_memory import FlashMemory, InternalFlash, KeptFlash, NorFlash, Operation, PowerSupply, Storage
from mvsdk.update import Hardware, KeySet, Layout
from mvsdk.update.journal import look

KERNEL_VERSION = 0xFFFF_FFFF
"""The emulated kernel answers every call there is, so no bundle is too new for it."""


def kernel_flash_size(board: Board) -> int:
    """Return how many bytes of the external flash the agent needs for the applications of a board."""
    return Layout.needed(board.flash.size, chip_facts().sector_size)


def holds_applications(kernel: Storage) -> bool:
    """Tell whether the journal in the kernel's flash knows of a bundle there, without touching it."""
    page = chip_facts().sector_size
    # The journal is what that flash begins with.
    state, _ = look([bytes(kernel[start : start + page]) for start in (0, page)])
    return any(state.slots)


class Memories:
    """Both memories. Storages keep their contents, and are as large as `board.flash` and `kernel_flash_size`; without
    they begin erased and are forgotten."""

    def __init__(self, board: Board, application: Storage | None = None, kernel: Storage | None = None) -> None:
        self._board = board
        power = PowerSupply(listener=self._spend)
        self._internal = InternalFlash(board.flash.size, power)
        external = NorFlash(kernel_flash_size(board), power)
        self._application: FlashMemory = KeptFlash(self._internal, application) if application else self._internal
        self._kernel: FlashMemory = KeptFlash(external, kernel) if kernel else external
        self._spent_us = 0

    def hardware(self, keys: KeySet) -> Hardware:
        """Return what an agent runs on that trusts `keys` until it is told otherwise."""
        layout = Layout.within(self._kernel, self._board.flash.size)
        return Hardware(self._application, self._kernel, layout, self._board, keys, KERNEL_VERSION)

    def spent_us(self) -> int:
        """Return how long the operations since the last call took, in microseconds."""
        spent, self._spent_us = self._spent_us, 0
        return spent

    def _spend(self, operation: Operation) -> None:
        erases = operation.data is None
        if operation.memory is self._internal:
            self._spent_us += operation.count * operation_us(Work.PAGE_ERASE if erases else Work.PROGRAM)
        else:
            facts = chip_facts()
            each = facts.erase_sector_us if erases else facts.program_page_us
            self._spent_us += operation.count * (facts.command_us + each)
