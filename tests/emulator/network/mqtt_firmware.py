"""An application for real: publishes to a topic it has subscribed to, reads everything back, and parts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mvsdk.boards import load
from mvsdk.bundle import Image, read_image
from mvsdk.emulator.device import Device
from tests.board_support.firmware import FULL_LIBRARY, Flavour, link
from tests.emulator.network.mosquitto_server import PASSWORD, USER, Mosquitto

BOARD = load()
SOURCE = Path(__file__).resolve().parents[1] / "firmware/mqtt_echo.c"


@dataclass(frozen=True)
class Echo:
    """The compiled application."""

    image: Image
    symbols: dict[str, int]

    def counters(self, device: Device) -> dict[str, int]:
        """Return how far a device has got: messages published, received and failed, and whether it has parted."""
        names = ("published", "received", "failed", "parted")
        return {name: int.from_bytes(device.core.read_memory(self.symbols[name], 4), "little") for name in names}


def build(folder: Path, broker: Mosquitto, messages: int, qos: int) -> Echo:
    """Compile the application for a broker."""
    values = {"MESSAGES": messages, "QOS": qos, "HOST": '"127.0.0.1"', "PORT": broker.port}
    values |= {"USER": f'"{USER.decode()}"', "PASSWORD": f'"{PASSWORD.decode()}"'}
    source = "".join(f"#define {name} {value}\n" for name, value in values.items())
    flavour = Flavour("-mfloat-abi=hard", FULL_LIBRARY.libc, "-O2")
    elf = link(folder, {"main.c": source + SOURCE.read_text(encoding="utf-8")}, flavour=flavour)
    return Echo(read_image(elf.path, BOARD), dict(elf.symbols))
