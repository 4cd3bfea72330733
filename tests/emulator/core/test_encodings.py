"""The table of encodings, and the decoder made from it."""

import pytest

from mvsdk.emulator.core.encodings import Encoding, find, is_wide, load
from mvsdk.emulator.core.generate import TARGET, text
from tests.emulator.core.differential import Generator


def test_the_c_decoder_is_what_the_table_says() -> None:
    """The committed decoder is the one the generator writes."""
    assert TARGET.read_text(encoding="utf-8") == text()


def test_names_are_unique() -> None:
    """Every encoding has a name of its own."""
    names = [encoding.name for encoding in load()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("encoding", load(), ids=lambda e: e.name)
def test_an_encoding_rules_some_word(encoding: Encoding) -> None:
    """No row of the table is hidden by later ones."""
    generator = Generator(5)
    candidates = (encoding.match | generator.random.getrandbits(encoding.width) & ~encoding.mask for _ in range(4000))
    assert any(find(word, encoding.width) is encoding for word in candidates)


@pytest.mark.parametrize("encoding", load(), ids=lambda e: e.name)
def test_fields_survive_encoding(encoding: Encoding) -> None:
    """Taking a word apart and putting it together again gives the word, of the width its first halfword says."""
    generator = Generator(6)
    for _ in range(20):
        word = encoding.match | generator.random.getrandbits(encoding.width) & ~encoding.mask
        assert encoding.encode(encoding.decode(word)) == word
        assert is_wide(word >> (encoding.width - 16)) == (encoding.width == 32)
