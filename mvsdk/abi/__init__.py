"""The ground floor: system-call interfaces as data, and everything that is made from that data.

An ABI is a folder of tables beside this file: the calls in NuttX's CSV form, and companions that say what a prototype
cannot (`microvisor/README.md` describes the columns). `load` reads them into typed objects; from those come the C
header, the link-time symbols and the reference pages (`generate`), the text of a trace (`decode`), and the memory a
kernel must check before it serves a call (`ranges`).

It is not a kernel: it knows what a call looks like, never what it does.

The rule that must never break: a fact stands in the tables once, and tables that contradict each other are not loaded.
"""

from mvsdk.abi.database import available, load
from mvsdk.abi.model import Abi, CType, Direction, Enum, Field, Handle, Parameter, Show, Status, Struct, Syscall

__all__ = [
    "Abi",
    "CType",
    "Direction",
    "Enum",
    "Field",
    "Handle",
    "Parameter",
    "Show",
    "Status",
    "Struct",
    "Syscall",
    "available",
    "load",
]
