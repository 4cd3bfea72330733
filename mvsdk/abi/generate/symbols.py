"""The link-time symbols: every call as a function at its gateway address."""

from __future__ import annotations

from mvsdk.abi.calls import ENTRY_SIZE
from mvsdk.abi.generate.text import origin
from mvsdk.abi.model import Abi

_PROLOGUE = f"""\
/*
 * Absolute Thumb functions: bit 0 of the value tells linker and processor that the gateway is Thumb code. They are too
 * far from flash for a direct branch, so the linker puts a veneer in between.
 */

    .syntax unified
    .thumb

    .macro gateway name, address
    .global \\name
    .type \\name, %function
    .set \\name, \\address + 1
    .size \\name, {ENTRY_SIZE}
    .endm
"""


def render_symbols(abi: Abi) -> str:
    """Return an assembler file that defines the symbols, in address order."""
    gateways = "\n".join(f"    gateway {call.name}, {call.address:#010x}" for _, call in sorted(abi.by_address.items()))
    return f"/*\n * {origin(abi)}\n */\n\n{_PROLOGUE}\n{gateways}\n"
