"""SysTick and the cycle counter, held against counters that are stepped tick by tick."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mvsdk.emulator.core.timers import CycleCounter, SysTick


class Stepped:
    """SysTick as the manual tells it: one tick at a time."""

    def __init__(self) -> None:
        self.control = self.reload = self.value = 0
        self.zeros = 0
        self.flag = False

    def tick(self) -> None:
        """Let one tick pass."""
        if not self.control & 1:
            return
        if self.value == 0:
            self.value = self.reload
        else:
            self.value -= 1
            if self.value == 0:
                self.zeros += 1
                self.flag = True


class SysTickMachine(RuleBasedStateMachine):
    """Writes and reads at arbitrary times; the computed counter never differs from the stepped one."""

    def __init__(self) -> None:
        super().__init__()
        self.computed, self.stepped = SysTick(), Stepped()
        self.cycle = 0

    @rule(cycles=st.integers(1, 60))
    def wait(self, cycles: int) -> None:
        """Let time pass: whether zero was reached is told, and `due` was the first time it is."""
        due, zeros, start = self.computed.due(), self.stepped.zeros, self.cycle
        reached = None
        for _ in range(cycles):
            self.cycle += 1
            if self.stepped.control & 4 or self.cycle % 8 == 0:
                self.stepped.tick()
            if self.stepped.zeros > zeros and reached is None:
                reached = self.cycle
        assert self.computed.advance(self.cycle) == (reached is not None)
        if self.stepped.control & 3 == 3:
            assert (due if due is not None and due <= start + cycles else None) == reached
        else:
            assert due is None

    @rule(value=st.integers(0, 7))
    def write_control(self, value: int) -> None:
        """Start, stop, change the clock."""
        self.computed.write_control(self.cycle, value)
        self.stepped.control = value

    @rule(value=st.integers(0, 12))
    def write_reload(self, value: int) -> None:
        """Change the reload value."""
        self.computed.write_reload(self.cycle, value)
        self.stepped.reload = value

    @rule()
    def write_value(self) -> None:
        """Clear the counter."""
        self.computed.write_value(self.cycle)
        self.stepped.value, self.stepped.flag = 0, False

    @rule()
    def read_control(self) -> None:
        """Read and clear the flag."""
        assert bool(self.computed.read_control() >> 16) == self.stepped.flag
        self.stepped.flag = False

    @invariant()
    def same_value(self) -> None:
        """The counter reads the same at any time."""
        assert self.computed.value(self.cycle) == self.stepped.value


TestSysTick = SysTickMachine.TestCase
TestSysTick.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)


@given(st.lists(st.tuples(st.integers(0, 1 << 33), st.booleans()), max_size=20), st.integers(0, 0xFFFF_FFFF))
def test_cycle_counter_counts_enabled_cycles(steps: list[tuple[int, bool]], first: int) -> None:
    """CYCCNT is what was written plus the cycles that passed while it was enabled, modulo 2**32."""
    counter, cycle, expected, enabled = CycleCounter(), 0, first, False
    counter.write(cycle, first)
    for passed, on in steps:
        cycle += passed
        expected += passed if enabled else 0
        counter.enable(cycle, on)
        enabled = on
        assert counter.value(cycle) == expected % (1 << 32)
