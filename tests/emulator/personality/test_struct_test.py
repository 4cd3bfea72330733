"""Laws of mvTemporaryStructTest."""

from __future__ import annotations

import pytest

from tests.emulator.personality.kernel import ABI, FLASH, RAM, one_call

STRUCT, INNER = RAM, RAM + 0x40


@pytest.mark.parametrize(
    ("version", "inner", "status"),
    [
        (1, INNER, "OKAY"),
        (1, FLASH, "OKAY"),
        (0, INNER, "UNSUPPORTEDSTRUCTUREVERSION"),
        (2, 0x4000_0000, "UNSUPPORTEDSTRUCTUREVERSION"),
        (1, 0x4000_0000, "PARAMETERFAULT"),
        (1, RAM + 0x8_0000 - 8, "PARAMETERFAULT"),
    ],
)
def test_version_and_the_pointer_inside(version: int, inner: int, status: str) -> None:
    """Only version 1 is known, and the struct inside the struct must be readable."""
    struct = ABI.structs["MvTemporaryTestVersionedStruct"].pack({"version": version, "v1.b.b": inner})
    assert one_call("mvTemporaryStructTest", STRUCT, memory={STRUCT: struct}) == status


def test_a_bad_struct_comes_first() -> None:
    """A struct outside the application's memory is a PARAMETERFAULT."""
    assert one_call("mvTemporaryStructTest", 0) == "PARAMETERFAULT"
