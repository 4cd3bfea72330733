"""Random calls of every entry point on the whole device: how many a second, and that none of them harms the host.

Registers and memory hold hostile pointers, lengths and good handles at random, in thread and in handler mode. A status
that is not documented for its call, or an error of ours, ends the run with the seed that leads there. Each seed is run
twice, and both runs must tell the same. `MVSDK_FUZZ_SECONDS` (10) is how long it goes on, `MVSDK_FUZZ_SEED` (1) where
it begins.
"""

from __future__ import annotations

import csv
import os
import random
import struct
import sys
import time
from pathlib import Path

from mvsdk import boards
from mvsdk.abi import load
from mvsdk.bundle import Image
from mvsdk.emulator.core import new_core
from mvsdk.emulator.crashes import RestartPolicy
from mvsdk.emulator.device import Device, End, WakeSource
from mvsdk.emulator.events import Event, SystemCall
from mvsdk.emulator.network.radio import Radio
from mvsdk.emulator.network.scripted import ScriptedPeers

BOARD = boards.load()
ABI = load("microvisor")
CALLS = 2_000
STRUCTS, STRUCT_WORDS = BOARD.ram.base + 0x4000, 64
HANDLES = [BOARD.ram.base + 0x8000 + 4 * index for index in range(8)]
JUSTIFIED = Path(__file__).parents[1] / "tests/emulator/personality/undocumented-statuses.csv"
RAM_END, FLASH_END = BOARD.ram.base + BOARD.ram.size, BOARD.flash.base + BOARD.flash.size
BASES: tuple[int, ...] = (
    0,
    BOARD.ram.base,
    STRUCTS,
    STRUCTS + 0x40,
    HANDLES[0],
    RAM_END,
    BOARD.flash.base,
    FLASH_END,
    0x0C1F_E000,
)
BASES += (0x0C00_0000, 0x3000_0000, 0x4202_0000, 0x4602_0C00, 0x5602_0C00, 0xE000_ED08, 0xFFFF_FFF0, 1 << 31)
SIZES = (0, 1, 2, 3, 8, 16, 32, 34, 64, 512, 4096, 0x80_0000)
RETURN = BOARD.flash.base + 0x300
"""Where every call returns to: a branch to itself."""
AWAKENING = 60
"""An interrupt that ends every sleep; its handler ends at once."""
HANDLER = BOARD.flash.base + 0x2F0
IMAGE = Image(struct.pack("<188I", RAM_END, RETURN | 1, *[HANDLER | 1] * 186) + b"\x70\x47" * 8 + b"\xfe\xe7" * 8)


def word(source: random.Random) -> int:
    """Return a number that a hostile application might pass."""
    match source.randrange(5):
        case 0:
            return source.choice(SIZES)
        case 1:
            return source.getrandbits(32)
        case _:
            return (source.choice(BASES) + source.choice((0, 0, 4, 16, source.randint(-40, 40)))) & 0xFFFF_FFFF


def attack(seed: int) -> list[Event]:
    """Make some thousand calls on one device and return what it told."""
    told: list[Event] = []
    source = random.Random(seed)  # noqa: S311 - reproducible on purpose
    device = Device(
        BOARD, IMAGE, new_core(), seed=seed, testing=seed % 2 == 0, trace_calls=True, observers=[told.append],
        restart_policy=RestartPolicy(),
    )  # fmt: skip
    peers = ScriptedPeers()
    peers.stream("somewhere")
    Radio(device, peers)
    core, addresses = device.core, sorted(ABI.by_address)
    for _ in range(CALLS):
        area = [word(source) for _ in range(STRUCT_WORDS)]
        area[source.randrange(STRUCT_WORDS)] = int.from_bytes(core.read_memory(source.choice(HANDLES), 4), "little")
        core.write_memory(STRUCTS, struct.pack(f"<{STRUCT_WORDS}I", *area))
        for index in range(4):
            handle = int.from_bytes(core.read_memory(source.choice(HANDLES), 4), "little")
            core.write_register(f"r{index}", handle if source.random() < 0.2 else word(source))
        core.write_register("r14", RETURN | 1)
        core.write_register("xpsr", 0x0100_0000 | source.choice((0, 0, 0, 15, 61)))
        core.write_register("r15", source.choice(addresses))
        if device.run(device.time_us + source.choice((5, 50, 5_000))) is End.TESTED:
            break
        device.wake(WakeSource.OTHER)  # from deep sleep, and from the other kinds
        core.set_enabled(AWAKENING, True)
        core.pend(AWAKENING)
    return told


def unexpected(told: list[Event]) -> set[tuple[str, str]]:
    """Return calls with statuses that they may not have."""
    with JUSTIFIED.open(encoding="utf-8") as table:
        allowed = {(row["call"], "MV_STATUS_" + row["status"]) for row in csv.DictReader(table)}
    for call in ABI.syscalls.values():
        allowed |= {(call.name, status.name) for status in call.statuses} | {(call.name, "MV_STATUS_OKAY")}
    calls = [event for event in told if isinstance(event, SystemCall)]
    return {(event.call.name, str(event.result.status.data)) for event in calls} - allowed


def main() -> None:
    """Attack until the time is over."""
    seed = int(os.environ.get("MVSDK_FUZZ_SEED", "1"))
    end = time.monotonic() + float(os.environ.get("MVSDK_FUZZ_SECONDS", "10"))
    calls, seen, taken = 0, set(), 0.0
    while time.monotonic() < end:
        start = time.perf_counter()
        told = attack(seed)
        taken += time.perf_counter() - start
        if bad := unexpected(told):
            sys.exit(f"seed {seed}: not documented: {sorted(map(str, bad))}")
        if attack(seed) != told:
            sys.exit(f"seed {seed}: two runs told different things")
        calls += sum(isinstance(event, SystemCall) for event in told)
        seen |= {(e.call.name, str(e.result.status.data)) for e in told if isinstance(e, SystemCall)}
        seed += 1
    print(f"\nhostile calls: {calls} decoded, {calls / taken:.0f} a second, {len(seen)} pairs of call and status met")


if __name__ == "__main__":
    main()
