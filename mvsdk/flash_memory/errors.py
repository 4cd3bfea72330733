"""What can go wrong with a flash memory.

FlashError
├── FlashRuleError      the part forbids what was asked: alignment, range, programming twice, setting bits
├── EccError            a quad-word cannot be read: its check bits fit no content
└── FlashContentError   saved content is not that of such a flash

That the power fails is no error: `PowerCut` ends everything, as it does on a device.
"""

from mvsdk.errors import FlashError


class FlashRuleError(FlashError):
    """The part forbids what was asked for."""


class EccError(FlashError):
    """A quad-word cannot be read. `address` is its first byte."""

    def __init__(self, address: int) -> None:
        super().__init__(
            f"the flash at {address:#x} cannot be read: its check bits fit no content",
            "erase the page and write it again",
        )
        self.address = address


class FlashContentError(FlashError):
    """Saved content is damaged, or not that of such a flash."""
