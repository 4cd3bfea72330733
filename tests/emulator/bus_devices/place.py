"""Surroundings for a device on its own: time that a test moves, and the levels of its outputs."""

from __future__ import annotations

from mvsdk.emulator.bus_devices import I2cDevice, Situated, SpiDevice
from mvsdk.emulator.soc.surroundings import ChipSurroundings
from mvsdk.testing import FakeWiring


class Place:
    """Where a device is built in. `levels` has what each output was last driven to."""

    def __init__(self, device: Situated, *outputs: str) -> None:
        self.wiring = FakeWiring()
        self.levels: dict[str, bool | None] = {}
        pins = {output: (output, 0) for output in outputs}
        device.attach(ChipSurroundings(self.wiring, pins, self._drive, "display"))

    def _drive(self, port: str, _: int, level: bool | None) -> None:
        self.levels[port] = level

    def advance_us(self, microseconds: float) -> None:
        """Let time pass."""
        self.wiring.advance(round(microseconds * 160))


def i2c_write(device: I2cDevice, *data: int) -> bool:
    """Write bytes in one transfer; return whether the device acknowledged its address."""
    if not device.start(reading=False):
        return False
    for byte in data:
        assert device.write(byte)
    device.stop()
    return True


def i2c_read(device: I2cDevice, count: int, *pointer: int) -> bytes:
    """Write a pointer, and read behind a repeated start."""
    if pointer:
        assert device.start(reading=False)
        for byte in pointer:
            assert device.write(byte)
    assert device.start(reading=True)
    data = bytes(device.read() for _ in range(count))
    device.stop()
    return data


def spi(device: SpiDevice, *data: int) -> bytes:
    """Exchange bytes while the device is selected."""
    device.select()
    answer = bytes(device.transfer(byte, 8) for byte in data)
    device.deselect()
    return answer
