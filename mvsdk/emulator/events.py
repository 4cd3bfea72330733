"""What happens on a device, as its observers hear of it.

Every event carries `time_us`, the device's microseconds since the kernel started. Text from the guest arrives as it
was sent; whoever prints it must make it safe for a terminal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from mvsdk.abi.decode import DecodedCall, DecodedResult
from mvsdk.emulator.core import Fault, Registers


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, and when."""

    kind: ClassVar[str]
    time_us: int


@dataclass(frozen=True, slots=True)
class Started(Event):
    """The application starts from its reset vector."""

    kind: ClassVar[str] = "started"
    wake_reason: str


@dataclass(frozen=True, slots=True)
class LogLine(Event):
    """The application logged a message."""

    kind: ClassVar[str] = "log"
    text: str


@dataclass(frozen=True, slots=True)
class FactoryLogLine(Event):
    """Test code logged a message to the factory's console."""

    kind: ClassVar[str] = "factory-log"
    text: str


@dataclass(frozen=True, slots=True)
class FactoryTestEnded(Event):
    """Test code said that it is done. A `status` of zero is success."""

    kind: ClassVar[str] = "factory-test-ended"
    status: int


@dataclass(frozen=True, slots=True)
class DeepSleepBegan(Event):
    """The application sent the device into Standby or Shutdown; its RAM is lost."""

    kind: ClassVar[str] = "deep-sleep"
    mode: str


@dataclass(frozen=True, slots=True)
class LedChanged(Event):
    """An LED of the board, or the kernel's own, went on or off."""

    kind: ClassVar[str] = "led"
    name: str
    on: bool


@dataclass(frozen=True, slots=True)
class DisplayChanged(Event):
    """A display connected to the chip shows something else. `picture` has a line of "#" and "." for each of its lines,
    `blink_hz` is 0 if it does not blink, `brightness` counts sixteenths."""

    kind: ClassVar[str] = "display"
    name: str
    picture: tuple[str, ...]
    blink_hz: float
    brightness: int


@dataclass(frozen=True, slots=True)
class PwmChanged(Event):
    """A timer's output on a pin was set to another waveform. `signal` is "TIM2_CH1"; 0 Hz is a constant level.

    What is preloaded shows on the pin from the timer's next update on.
    """

    kind: ClassVar[str] = "pwm"
    port: str
    pin: int
    signal: str
    hertz: float
    duty: float
    """The part of the time for which the pin is high, 0 to 1."""


@dataclass(frozen=True, slots=True)
class I2cTransferEnded(Event):
    """Another controller has ended a transfer with the chip as its target, or given it up.

    `written` counts the bytes that the chip acknowledged, `received` are those that it sent.
    """

    kind: ClassVar[str] = "i2c-transfer"
    bus: str
    address: int
    acknowledged: bool
    written: int
    received: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SpiTransferEnded(Event):
    """Another controller has exchanged bytes with the chip as its target; `received` are those that the chip sent."""

    kind: ClassVar[str] = "spi-transfer"
    bus: str
    received: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class UartOutput(Event):
    """A serial port has sent a line, or the beginning of one that goes on later."""

    kind: ClassVar[str] = "uart"
    port: str
    text: str


@dataclass(frozen=True, slots=True)
class SystemCall(Event):
    """A system call was answered; only told while somebody traces."""

    kind: ClassVar[str] = "syscall"
    call: DecodedCall
    result: DecodedResult
    caller: int
    """Where it was called from: the return address, bit 0 clear."""


@dataclass(frozen=True, slots=True)
class RegisterNotModelled(Event):
    """A peripheral register has no model: it reads 0 and forgets what is written, or faults; told once per address."""

    kind: ClassVar[str] = "register-not-modelled"
    peripheral: str
    address: int
    access: str


@dataclass(frozen=True, slots=True)
class ClockMissing(Event):
    """A peripheral was used while RCC gives it no clock: it reads 0 and ignores writes; told once per peripheral."""

    kind: ClassVar[str] = "clock-missing"
    peripheral: str
    address: int
    access: str


@dataclass(frozen=True, slots=True)
class Faulted(Event):
    """The application raised a HardFault and was stopped. `registers` are those of the failing instruction."""

    kind: ClassVar[str] = "fault"
    fault: Fault
    registers: Registers
    instruction: str = ""
    """The failing instruction as text; empty where none can be read."""


@dataclass(frozen=True, slots=True)
class RestartAwaited(Event):
    """The kernel will start the application again, `delay_us` after the fault that was told before. `crashes` counts
    those in a row."""

    kind: ClassVar[str] = "restart-awaited"
    crashes: int
    delay_us: int


@dataclass(frozen=True, slots=True)
class UpdateAgreed(Event):
    """The application agreed to be replaced by the update that waits, and has ended."""

    kind: ClassVar[str] = "update-agreed"


@dataclass(frozen=True, slots=True)
class UpdateNoted(Event):
    """Something happened on the way of an update: the value of an `update.Event`, and what there is to say of it."""

    kind: ClassVar[str] = "update"
    what: str
    text: str


@dataclass(frozen=True, slots=True)
class InterruptLineChanged(Event):
    """A peripheral began to ask for an interrupt (`high`), or does so no more; only told while somebody traces."""

    kind: ClassVar[str] = "interrupt-line"
    interrupt: int
    name: str
    high: bool


@dataclass(frozen=True, slots=True)
class HandlerEntered(Event):
    """The processor enters the handler of an exception ("SysTick", "USART2"); only told while somebody traces."""

    kind: ClassVar[str] = "handler-entered"
    exception: int
    name: str


@dataclass(frozen=True, slots=True)
class HandlerLeft(Event):
    """The handler of an exception has ended; only told while somebody traces."""

    kind: ClassVar[str] = "handler-left"
    exception: int
    name: str


@dataclass(frozen=True, slots=True)
class SleepBegan(Event):
    """The application sleeps until an interrupt; only told while somebody traces."""

    kind: ClassVar[str] = "sleep-began"


@dataclass(frozen=True, slots=True)
class SleepEnded(Event):
    """The application goes on; only told while somebody traces."""

    kind: ClassVar[str] = "sleep-ended"


Observer = Callable[[Event], None]
