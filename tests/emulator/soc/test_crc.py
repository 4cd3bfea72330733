"""Laws of the CRC unit."""

from __future__ import annotations

import binascii
import zlib

from hypothesis import given
from hypothesis import strategies as st

from mvsdk.emulator.soc.crc import Crc
from tests.emulator.soc.block import Block

RESET, REV_IN_BYTE, REV_IN_WORD, REV_OUT = 1, 1 << 5, 3 << 5, 1 << 7
WIDTH_16, WIDTH_8, WIDTH_7 = 1 << 3, 2 << 3, 3 << 3


def unit(control: int, *, initial: int = 0xFFFF_FFFF, polynomial: int = 0x04C1_1DB7) -> Block:
    """Set a unit up."""
    registers = Block(Crc(), "crc")
    registers["POL"], registers["INIT"] = polynomial, initial
    registers["CR"] = control | RESET
    return registers


@given(st.binary(max_size=40))
def test_it_computes_ethernets_crc(data: bytes) -> None:
    """With reversal of bytes and of the output, bytes give the complement of zlib's CRC-32."""
    registers = unit(REV_IN_BYTE | REV_OUT)
    for byte in data:
        registers.write("DR", 1, byte)
    assert registers["DR"] ^ 0xFFFF_FFFF == zlib.crc32(data)


@given(st.lists(st.integers(0, 0xFFFF_FFFF), max_size=10))
def test_words_and_reversed_bytes_agree(words: list[int]) -> None:
    """A word with its bits reversed is its four bytes, lowest first, each reversed."""
    registers = unit(REV_IN_WORD | REV_OUT)
    for word in words:
        registers["DR"] = word
    assert registers["DR"] ^ 0xFFFF_FFFF == zlib.crc32(b"".join(word.to_bytes(4, "little") for word in words))


@given(st.binary(max_size=40))
def test_sixteen_bits(data: bytes) -> None:
    """With polynomial 0x1021 and a start of 0 it is the CRC of XMODEM."""
    registers = unit(WIDTH_16, initial=0, polynomial=0x1021)
    for byte in data:
        registers.write("DR", 1, byte)
    assert registers["DR"] == binascii.crc_hqx(data, 0)


def test_a_word_is_fed_highest_bit_first() -> None:
    """The default set-up gives the value the vendor's example has for one word."""
    registers = unit(0)
    registers["DR"] = 0x1234_5678
    assert registers["DR"] == 0xDF8A_8A2B


def test_halfwords_are_half_a_word() -> None:
    """Two halfwords, the high one first, are one word."""
    word, halves = unit(0), unit(0)
    word["DR"] = 0xCAFE_BABE
    halves.write("DR", 2, 0xCAFE)
    halves.write("DR", 2, 0xBABE)
    assert word["DR"] == halves["DR"]


def test_small_polynomials_give_small_values() -> None:
    """Seven and eight bits are what is shown with a polynomial of that width."""
    check = b"123456789"
    eight, seven = unit(WIDTH_8, initial=0, polynomial=0x07), unit(WIDTH_7, initial=0, polynomial=0x09)
    for byte in check:
        eight.write("DR", 1, byte)
        seven.write("DR", 1, byte)
    assert (eight["DR"], seven["DR"]) == (0xF4, 0x75)


def test_reset_loads_the_initial_value() -> None:
    """RESET takes INIT and reads back as 0; IDR is a register to keep things in."""
    registers = unit(0, initial=0x1234)
    assert registers["DR"] == 0x1234
    assert registers["CR"] == 0
    registers["IDR"] = 0xABCD_EF01
    assert registers["IDR"] == 0xABCD_EF01


def test_a_new_start_value_starts_anew() -> None:
    """Writing INIT puts it into DR at once, as drivers that never reset the unit expect."""
    registers = unit(0)
    registers["DR"] = 0x1234_5678
    registers["INIT"] = 0
    assert registers["DR"] == 0
