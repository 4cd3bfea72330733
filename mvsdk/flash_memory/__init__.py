"""Flash as it really behaves: the STM32U585's own, and the external NOR chip.

    power ── cells ──┬── internal      InternalFlash: quad-words programmed once per erase, ECC
                     ├── nor           NorFlash: programming only clears bits
                     └── kept                  KeptFlash: either of them over a Storage that outlasts the process

Whoever writes flash does so through one protocol, `FlashMemory`, and meets here what a real chip does to careless code:
the rules of the part, and, when a `PowerSupply` is told to fail, the mess that an interrupted operation leaves. It is a
model of content and rules, not of registers or of time.
The rule that must never break: nothing above can put a flash into a state that the real part could not be in.
"""

from mvsdk.flash_memory.cells import FlashState
from mvsdk.flash_memory.errors import EccError, FlashContentError, FlashRuleError
from mvsdk.flash_memory.internal import InternalFlash
from mvsdk.flash_memory.kept import KeptFlash, Storage
from mvsdk.flash_memory.memory import ERASED, FlashMemory
from mvsdk.flash_memory.nor import NorFlash
from mvsdk.flash_memory.power import Cut, Mess, Operation, PowerCut, PowerSupply

__all__ = [
    "ERASED",
    "Cut",
    "EccError",
    "FlashContentError",
    "FlashMemory",
    "FlashRuleError",
    "FlashState",
    "InternalFlash",
    "KeptFlash",
    "Mess",
    "NorFlash",
    "Operation",
    "PowerCut",
    "PowerSupply",
    "Storage",
]
