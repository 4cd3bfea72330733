"""The Microvisor kernel's side of its 72 system calls.

`kernel.py` receives a call, checks every pointer against the database and finds the answer; the answers are grouped
one file per family. A refusal is a documented status handed to the guest (`Refused`), never an error of ours.
What the public documentation leaves open is decided in one obvious place each and marked "inferred".
"""

from mvsdk.emulator.personality.microvisor.kernel import Microvisor

__all__ = ["Microvisor"]
