"""CRC-32C against its published check values and the definition."""

import numpy as np
import pytest

import bundles
from asap_lightning.untrusted.crc32c import PIECES, SHORT, WORDS, crc32c, unmasked


@pytest.mark.parametrize(
    ("content", "expected"),
    [  # RFC 3720, appendix B.4
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_published_values(content, expected):
    assert crc32c(content) == expected


@pytest.mark.parametrize("size", [1, SHORT - 1, SHORT, SHORT + 1, 5_003, 40_001])
def test_it_equals_the_definition(size):
    content = np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8).tobytes()
    assert crc32c(content) == unmasked(bundles.masked_sum(content))


def test_chunks_are_joined():
    size = 2 * 4 * PIECES * WORDS + 777
    content = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8).tobytes()
    # a checksum followed by itself leaves a constant, whatever was before
    whole = crc32c(content)
    assert crc32c(content + whole.to_bytes(4, "little")) == 0x48674BC7
    assert crc32c(memoryview(content)[1:]) != whole
