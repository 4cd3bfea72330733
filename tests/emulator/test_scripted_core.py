"""The scripted core keeps the seam's promises about memory and states, as far as a script has any."""

from collections.abc import Callable, Generator

import pytest

from mvsdk.emulator.core import MmioDevice, StopReason
from mvsdk.emulator.core.memory_image import MemoryImage
from mvsdk.testing.scripted_core import Call, Compute, ScriptedCore, Step

RAM, FLASH, PAGE = 0x2000_0000, 0x0800_0000, 4096


def script(core: ScriptedCore) -> Generator[Step, int, None]:
    """Compute, then call, for ever."""
    while True:
        yield Compute(10)
        core.write_memory(RAM, (yield Call(0x1000)).to_bytes(4, "little"))


class Silent:
    """A device that does nothing."""

    def read(self, offset: int, size: int) -> int:
        """Return 0."""
        return 0 * offset * size

    def write(self, offset: int, size: int, value: int) -> None:
        """Take it."""


def scripted() -> ScriptedCore:
    """Return a core with memory, an image and a device."""
    core = ScriptedCore(script)
    core.map_memory(RAM, PAGE, writable=True)
    core.map_memory(FLASH, PAGE, writable=False, contents=MemoryImage(b"abc", PAGE))
    core.map_device(0x4000_0000, PAGE, Silent())
    return core


def test_a_scripted_core_goes_back_to_memory_and_time() -> None:
    """Snapshots and saved states bring back what memory and clock were, and views show it."""
    core = scripted()
    view = core.memory_view(RAM, 4, writable=True)
    kept, saved, digest = core.snapshot(), core.save(), core.state_hash()
    ways: tuple[Callable[[], None], ...] = (lambda: core.restore(kept), lambda: core.load(saved))
    for go_back in ways:
        core.run(50)
        view[:] = b"1234"
        assert core.read_memory(RAM, 4) == b"1234"
        assert core.state_hash() != digest
        go_back()
        assert (core.cycle, bytes(view), core.state_hash()) == (0, bytes(4), digest)
    assert core.read_memory(FLASH, 4) == b"abc\xff"
    with pytest.raises(TypeError):
        core.restore(saved)
    with pytest.raises(TypeError):
        core.memory_view(RAM, 4)[0] = 1


def test_a_scripted_core_refuses_another_map() -> None:
    """A saved state of other memory raises and changes nothing."""
    core, other = scripted(), ScriptedCore(script)
    other.map_memory(RAM, PAGE, writable=True)
    before = other.save()
    with pytest.raises(ValueError, match="memory map"):
        other.load(core.save())
    assert other.save() == before


def test_a_fork_of_a_scripted_core_lives_by_itself() -> None:
    """A fork begins the script anew with memory and time of its own, and its devices are those it is given."""
    core = scripted()
    core.run(5)
    asked: list[MmioDevice] = []
    replacement = Silent()

    def rebind(device: MmioDevice) -> MmioDevice:
        asked.append(device)
        return replacement

    twin = core.fork(rebind)
    assert asked == [core.device_at(0x4000_0000)[0]]
    assert twin.device_at(0x4000_0000)[0] is replacement
    assert twin.run(100).reason is StopReason.GATEWAY
    assert (twin.cycle, core.cycle) == (15, 5)
    twin.write_memory(RAM, b"x")
    assert core.read_memory(RAM, 1) == b"\0"
    assert (twin.counters.gateway_stops, core.counters.gateway_stops) == (1, 0)


def test_a_scripted_core_has_nothing_to_observe() -> None:
    """A script has no instructions, so coverage and trace are empty whatever is asked for."""
    core = scripted()
    core.count_instructions(True)
    core.record_coverage(True)
    core.trace_instructions(10)
    core.run(50)
    assert core.coverage().ranges == ()
    assert core.instruction_trace() == ()
    assert core.counters.instructions == 0
