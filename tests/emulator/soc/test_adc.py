"""Laws of the analogue-to-digital converters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.soc.adc import CALIBRATION_TICKS, REGULATOR_US, Adc, Adc1, Adc4
from mvsdk.emulator.soc.analogue import AnalogueInputs, calibration_values
from mvsdk.emulator.soc.registers import RegisterBlock
from mvsdk.emulator.soc.triggers import TriggerLines
from mvsdk.testing import FakeWiring
from tests.emulator.soc.block import Block

IRQ = 37
ADEN, ADDIS, ADSTART, JADSTART, ADSTP, JADSTP = (1 << bit for bit in range(6))
ADVREGEN, DEEPPWD, ADCAL = 1 << 28, 1 << 29, 1 << 31
ADRDY, EOSMP, EOC, EOS, OVR, JEOC, JEOS, AWD1, AWD2, AWD3 = (1 << bit for bit in range(10))
EOCAL, LDORDY = 1 << 11, 1 << 12
OVRMOD, CONT, AUTDLY, DISCEN, JAUTO = 1 << 12, 1 << 13, 1 << 14, 1 << 16, 1 << 25
CONVERSION = 22  # five ticks of sampling and seventeen of conversion at 160 MHz
REFERENCE = 3.3


class Converter:
    """A converter on its own, enabled, at 160 MHz."""

    def __init__(self, kind: type[Adc] = Adc1, *, enable: bool = True) -> None:
        self.wiring = FakeWiring()
        self.pins: dict[tuple[str, int], float] = {}
        self.inputs = AnalogueInputs(lambda port, pin: self.pins.get((port, pin), 0.0))
        self.common = RegisterBlock("adc-common")
        self.triggers = TriggerLines()
        name = kind.__name__.upper()
        self.adc = kind(
            name,
            self.wiring,
            IRQ,
            inputs=self.inputs,
            common=self.common,
            triggers=self.triggers,
            clock=lambda: 160_000_000,
        )
        self.name = name
        self.registers = Block(self.adc, name.lower())
        if enable:
            self.registers["CR"] = ADVREGEN
            self.wiring.advance(REGULATOR_US * 160)
            self.registers["CR"] = ADVREGEN | ADEN
            if kind is Adc1:
                self.registers["PCSEL"] = 0xFFFFF

    def sequence(self, *channels: int) -> None:
        """Set up ADC1's regular sequence of up to four channels."""
        self.registers["SQR1"] = len(channels) - 1 | sum(
            channel << 6 * place for place, channel in enumerate(channels, 1)
        )

    def start(self, what: int = ADSTART) -> None:
        """Start as the vendor's driver does, without touching the other bits."""
        self.registers["CR"] = ADVREGEN | what

    @property
    def flags(self) -> int:
        """ISR without readiness."""
        return self.registers["ISR"] & ~(ADRDY | LDORDY | EOSMP)


@pytest.mark.parametrize("kind", [Adc1, Adc4])
def test_powering_up_as_the_vendor_waits_for_it(kind: type[Adc]) -> None:
    """The regulator, the calibration and the converter are ready when their flags say so, not before."""
    one = Converter(kind, enable=False)
    assert bool(one.registers["CR"] & DEEPPWD) == (kind is Adc1)
    one.registers["CR"] = ADVREGEN
    assert not one.registers["ISR"] & LDORDY
    one.wiring.advance(REGULATOR_US * 160)
    assert one.registers["ISR"] & LDORDY
    one.registers["CR"] = ADVREGEN | ADCAL
    one.wiring.advance(CALIBRATION_TICKS - 1)
    assert one.registers["CR"] & ADCAL
    one.wiring.advance(1)
    assert not one.registers["CR"] & ADCAL
    assert one.registers["ISR"] & EOCAL
    one.registers["CR"] = ADVREGEN | ADEN
    assert one.registers["ISR"] & ADRDY
    assert one.registers["CR"] & ADEN
    one.registers["ISR"] = ADRDY
    assert not one.registers["ISR"] & ADRDY
    one.registers["CR"] = ADVREGEN | ADDIS
    assert not one.registers["CR"] & (ADEN | ADDIS)


@given(volts=st.floats(-1, 5), resolution=st.integers(0, 3), which=st.sampled_from([Adc1, Adc4]))
def test_a_voltage_becomes_a_number(volts: float, resolution: int, which: type[Adc]) -> None:
    """Full scale is the reference, and what lies outside is clipped."""
    one = Converter(which)
    one.inputs.set_channel(one.name, 9, volts)
    one.registers["CFGR1"] = resolution << 2
    if which is Adc1:
        one.sequence(9)
    else:
        one.registers["CHSELR"] = 1 << 9
    one.start()
    one.wiring.advance(1000)
    full = (1 << (14 if which is Adc1 else 12) - 2 * resolution) - 1
    assert one.registers["DR"] == min(max(round(volts / REFERENCE * full), 0), full)


def test_a_conversion_takes_sampling_and_conversion_time() -> None:
    """SMPR, resolution and prescaler decide; EOC and EOS come with the number, and reading it takes EOC."""
    one = Converter()
    one.sequence(9)
    one.start()
    one.wiring.advance(CONVERSION - 1)
    assert one.flags == 0
    one.wiring.advance(1)
    assert one.flags == EOC | EOS
    assert not one.registers["CR"] & ADSTART
    _ = one.registers["DR"]
    assert one.flags == EOS
    one.registers["SMPR1"] = 5 << 27
    one.registers["CFGR1"] = 1 << 2
    one.common.store("CCR", 2 << 18, 0xFFFF_FFFF)
    one.start()
    one.wiring.advance((68 + 15) * 4 - 1)
    assert not one.flags & EOC
    one.wiring.advance(1)
    assert one.flags & EOC


def test_a_sequence_goes_through_its_channels() -> None:
    """Each channel raises EOC, the last one EOS; with CONT it starts over until it is stopped."""
    one = Converter()
    one.registers["CFGR1"] = CONT
    for channel, volts in ((3, 0.0), (5, REFERENCE), (7, REFERENCE / 2)):
        one.inputs.set_channel("ADC1", channel, volts)
    one.sequence(3, 5, 7)
    one.start()
    numbers = []
    for _ in range(6):
        one.wiring.advance(CONVERSION)
        numbers.append(one.registers["DR"])
    assert numbers == [0, 16383, 8192] * 2
    assert one.flags & EOS
    one.start(ADSTP)
    assert not one.registers["CR"] & (ADSTART | ADSTP)
    one.wiring.advance(1000)
    assert not one.flags & EOC


def test_adc4_scans_its_channels_in_either_order_or_in_any() -> None:
    """CHSELR is a set of channels or, with CHSELRMOD, a list of up to eight."""
    for control, selected, expected in (
        (0, 1 << 1 | 1 << 3, [1, 3]),
        (1 << 4, 1 << 1 | 1 << 3, [3, 1]),
        (1 << 21, 0xFFFFF313, [3, 1, 3]),
    ):
        one = Converter(Adc4)
        for channel in range(1, 4):
            one.inputs.set_channel("ADC4", channel, channel * REFERENCE / 4095)
        one.registers["CFGR1"] = control | AUTDLY
        one.registers["CHSELR"] = selected
        one.start()
        numbers = []
        for _ in expected:
            one.wiring.advance(100)
            numbers.append(one.registers["DR"])
        assert numbers == expected
        assert one.flags & EOS


def test_an_unread_number_is_overrun() -> None:
    """The next number sets OVR and is lost, or replaces the last with OVRMOD; with AUTDLY it waits."""
    for control, number, overrun in ((0, 0, True), (OVRMOD, 16383, True), (AUTDLY, 0, False)):
        one = Converter()
        one.inputs.set_channel("ADC1", 5, REFERENCE)
        one.registers["CFGR1"] = control
        one.sequence(3, 5)
        one.start()
        one.wiring.advance(1000)
        assert bool(one.flags & OVR) == overrun
        assert one.registers["DR"] == number
        one.wiring.advance(1000)
        assert one.registers["DR"] == (0 if not control else 16383)


def test_discontinuous_sequences_go_by_parts() -> None:
    """With DISCEN each start converts DISCNUM + 1 channels and the next goes on from there."""
    one = Converter()
    one.registers["CFGR1"] = DISCEN | 1 << 17
    one.sequence(1, 2, 3)
    for flags in (EOC, EOC | EOS):
        one.start()
        one.wiring.advance(1000)
        assert one.flags & (EOC | EOS) == flags
        assert not one.registers["CR"] & ADSTART
        one.registers["ISR"] = EOC | EOS | OVR


def test_injected_channels_go_first() -> None:
    """An injected sequence interrupts the regular one, which repeats what was interrupted; JDRs keep the numbers."""
    one = Converter()
    one.inputs.set_channel("ADC1", 5, REFERENCE)
    one.inputs.set_channel("ADC1", 6, REFERENCE / 2)
    one.sequence(3)
    one.registers["JSQR"] = 1 | 5 << 9 | 6 << 15
    one.start()
    one.wiring.advance(CONVERSION - 1)
    one.start(JADSTART)
    one.wiring.advance(2 * CONVERSION)
    assert one.flags == JEOC | JEOS
    assert not one.registers["CR"] & JADSTART
    assert (one.registers["JDR1"], one.registers["JDR2"]) == (16383, 8192)
    one.wiring.advance(CONVERSION)
    assert one.flags & EOC


def test_injected_channels_may_follow_by_themselves() -> None:
    """With JAUTO they come after the regular sequence."""
    one = Converter()
    one.registers["CFGR1"] = JAUTO
    one.registers["JSQR"] = 5 << 9
    one.sequence(3)
    one.start()
    one.wiring.advance(CONVERSION)
    assert not one.flags & JEOS
    one.wiring.advance(CONVERSION)
    assert one.flags & JEOS


def test_oversampling_adds_up_and_shifts() -> None:
    """A ratio takes as many conversions and gives their shifted sum."""
    one = Converter()
    one.inputs.set_channel("ADC1", 5, REFERENCE)
    one.registers["CFGR2"] = 1 | 15 << 16 | 2 << 5
    one.sequence(5)
    one.start()
    one.wiring.advance(16 * CONVERSION - 1)
    assert not one.flags & EOC
    one.wiring.advance(1)
    assert one.registers["DR"] == 16383 * 16 >> 2
    other = Converter(Adc4)
    other.inputs.set_channel("ADC4", 5, REFERENCE)
    other.registers["CFGR2"] = 1 | 7 << 2 | 4 << 5
    other.registers["CHSELR"] = 1 << 5
    other.start()
    other.wiring.advance(256 * 14)
    assert other.registers["DR"] == 4095 * 256 >> 4


def test_adc4_aligns_to_the_left() -> None:
    """ALIGN puts twelve bits into the upper part of a half-word."""
    one = Converter(Adc4)
    one.inputs.set_channel("ADC4", 5, REFERENCE)
    one.registers["CFGR1"] = 1 << 5
    one.registers["CHSELR"] = 1 << 5
    one.start()
    one.wiring.advance(100)
    assert one.registers["DR"] == 0xFFF0


@pytest.mark.parametrize("kind", [Adc1, Adc4])
def test_watchdogs_bark_outside_their_limits(kind: type[Adc]) -> None:
    """Watchdog 1 looks at one channel or all, the others at those of their masks."""
    one = Converter(kind)
    one.inputs.set_channel(one.name, 5, REFERENCE)
    one.registers["IER"] = AWD1
    if kind is Adc1:
        one.sequence(5)
        one.registers["HTR1"] = one.registers["HTR2"] = 16382
        one.registers["LTR3"] = 16383
    else:
        one.registers["CHSELR"] = 1 << 5
        one.registers["AWD1TR"] = one.registers["AWD2TR"] = 4094 << 16
        one.registers["AWD3TR"] = 4095 << 16 | 4095
    one.registers["AWD2CR"] = one.registers["AWD3CR"] = 1 << 5
    for control, flags in ((0, AWD2), (1 << 23, AWD1 | AWD2), (1 << 23 | 1 << 22 | 6 << 26, AWD2)):
        one.registers["CFGR1"] = control
        one.start()
        one.wiring.advance(100)
        assert one.flags & (AWD1 | AWD2 | AWD3) == flags
        assert bool(one.wiring.lines.get(IRQ)) == bool(flags & AWD1)
        one.registers["ISR"] = AWD1 | AWD2 | EOC


def test_the_chips_own_sources_fit_the_calibration() -> None:
    """From the factory's values software finds reference, temperature and battery, as the vendor's macros compute."""
    one = Converter()
    one.inputs.celsius = 61.0
    one.inputs.reference = 3.1
    one.inputs.battery = 2.8
    one.sequence(0, 19, 18)
    numbers = []
    one.start()
    for _ in range(3):
        one.wiring.advance(CONVERSION)
        numbers.append(one.registers["DR"])
    bandgap, cold, hot = (calibration_values()[address] for address in (0x0BFA07A5, 0x0BFA0710, 0x0BFA0742))
    reference = 3000 * bandgap / numbers[0]
    assert reference == pytest.approx(3100, abs=2)
    assert (numbers[1] * reference / 3000 - cold) * 100 / (hot - cold) + 30 == pytest.approx(61, abs=0.2)
    assert numbers[2] * 4 * reference / 16383 == pytest.approx(2800, abs=3)


def test_a_pin_must_be_preselected() -> None:
    """ADC1 converts 0 for a pin that PCSEL leaves out; a pin's voltage is seen by both converters."""
    one = Converter()
    one.pins["GPIOA", 4] = REFERENCE
    one.sequence(9)
    for selected, number in ((0, 0), (1 << 9, 16383)):
        one.registers["PCSEL"] = selected
        one.start()
        one.wiring.advance(CONVERSION)
        assert one.registers["DR"] == number
    assert one.inputs.volts("ADC4", 9) == REFERENCE
    with pytest.raises(KeyError):
        one.inputs.set_channel("ADC1", 31, 1.0)
    with pytest.raises(ValueError, match="more than 0"):
        one.inputs.reference = 0.0


def test_a_request_for_each_number() -> None:
    """With DMA on the request is high while a number waits to be read."""
    one = Converter()
    one.registers["CFGR1"] = 3
    one.sequence(1)
    one.start()
    assert not one.wiring.requests.level("ADC1")
    one.wiring.advance(CONVERSION)
    assert one.wiring.requests.level("ADC1")
    _ = one.registers["DR"]
    assert not one.wiring.requests.level("ADC1")


@pytest.mark.parametrize(("kind", "code"), [(Adc1, 13 << 5), (Adc4, 4 << 6)])
def test_a_trigger_starts_a_sequence(kind: type[Adc], code: int) -> None:
    """With EXTEN each edge asked for of the line selected starts one sequence, until it is stopped."""
    one = Converter(kind)
    one.registers["CFGR1"] = 1 << 10 | code
    if kind is Adc1:
        one.sequence(1, 2)
    else:
        one.registers["CHSELR"] = 0b110
    assert not one.triggers.wanted("TIM6_TRGO")
    one.start()
    assert one.triggers.wanted("TIM6_TRGO")
    for line, converts in (("TIM2_TRGO", False), ("TIM6_TRGO", True), ("TIM6_TRGO", True)):
        one.registers["ISR"] = EOC | EOS | OVR
        one.triggers.pulse(line)
        one.wiring.advance(10_000)
        assert bool(one.flags & EOS) == converts
        assert one.registers["CR"] & ADSTART
    one.start(ADSTP)
    assert not one.triggers.wanted("TIM6_TRGO")


def test_falling_edges_and_injected_groups_have_triggers_of_their_own() -> None:
    """EXTEN and JEXTEN choose the edges, EXTSEL and JEXTSEL the lines; with CONT one edge is enough."""
    one = Converter()
    one.registers["CFGR1"] = 2 << 10 | 11 << 5 | CONT
    one.sequence(3)
    one.registers["JSQR"] = 1 << 7 | 12 << 2 | 5 << 9
    one.start(ADSTART | JADSTART)
    one.triggers.rise("TIM2_TRGO")
    one.wiring.advance(1000)
    assert one.flags == 0
    one.triggers.rise("TIM3_TRGO")
    one.wiring.advance(CONVERSION)
    assert one.flags == JEOC | JEOS
    one.triggers.fall("TIM2_TRGO")
    one.wiring.advance(2 * CONVERSION)
    assert one.flags & (EOC | OVR) == EOC | OVR
    one.start(ADSTP | JADSTP)
    assert not one.registers["CR"] & (ADSTART | JADSTART)


@pytest.mark.parametrize("kind", [Adc1, Adc4])
def test_command_bits_may_be_set_among_those_that_read_as_set(kind: type[Adc]) -> None:
    """CR |= ADSTP and CR |= ADDIS stop and disable, though ADSTART and ADEN are written with them."""
    one = Converter(kind)
    one.registers["CFGR1"] = CONT
    one.start()
    one.registers["CR"] |= ADSTP
    assert not one.registers["CR"] & (ADSTART | ADSTP)
    one.registers["CR"] |= 1 << 1
    assert not one.registers["CR"] & 0b11


def test_a_reset_leaves_nothing() -> None:
    """After a reset nothing waits, interrupts or asks."""
    one = Converter()
    one.registers["IER"] = EOC
    one.registers["CFGR1"] = CONT | 3
    one.start()
    one.wiring.advance(CONVERSION)
    one.adc.reset()
    assert not one.wiring.waiting
    assert not one.wiring.lines[IRQ]
    assert not one.wiring.requests.level("ADC1")
    assert one.registers["CR"] == DEEPPWD


@given(channels=st.integers(1, 3), pause=st.integers(100, 5000), kind=st.sampled_from([Adc1, Adc4]))
def test_conversions_that_nobody_can_see_cost_nothing(channels: int, pause: int, kind: type[Adc]) -> None:
    """In an overrun continuous sequence nothing waits; once DR is read the next number comes when it would have."""
    one, other = Converter(kind), Converter(kind)
    for converter in (one, other):
        for channel in (1, 2, 3):
            converter.inputs.set_channel(converter.name, channel, channel * REFERENCE / 4)
        converter.registers["CFGR1"] = CONT
        if kind is Adc1:
            converter.sequence(*range(1, channels + 1))
            converter.registers["SMPR1"] = 0o7210
        else:
            converter.registers["CHSELR"] = 0b1110 & (2 << channels) - 1
            converter.registers["SMPR"] = 6 | 1 << 9
    other.registers["AWD2CR"] = 1 << 15  # watches nothing here, and so nothing is left out
    for converter in (one, other):
        converter.start()
        converter.wiring.advance(3 * 1200 + pause)
    assert not one.wiring.waiting
    assert other.wiring.waiting
    numbers = []
    for converter in (one, other):
        assert converter.flags == EOC | EOS | OVR
        seen = [converter.registers["DR"]]
        for _ in range(4):
            waited = 0
            while not converter.flags & EOC:
                converter.wiring.advance(1)
                waited += 1
            seen += [waited, converter.registers["DR"]]
        numbers.append(seen)
    assert numbers[0] == numbers[1]
