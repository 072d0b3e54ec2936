"""Numbers of protobuf's wire format."""

import numpy as np
import pytest

import bundles
from asap_lightning.untrusted import protobuf


@pytest.mark.parametrize("part", [11, protobuf.PART])
def test_packed_numbers_come_back(part, monkeypatch):
    monkeypatch.setattr(protobuf, "PART", part)
    numbers = np.array([0, 1, 127, 128, 300, 2**31, 2**62, -1, -(2**63), 5, 5, 5], np.int64)
    content = b"".join(bundles.varint(int(number)) for number in numbers)
    assert np.array_equal(protobuf.packed(memoryview(content), len(numbers)), numbers)


@pytest.mark.parametrize(
    ("content", "count", "said"),
    [
        (b"\x01\x02", 1, "not 1"),
        (b"\x01\x80\x02\x03", 4, "3 packed numbers where 4"),
        (b"\x80" * 9, 2, "not 2"),
        (b"\x80" * 12 + b"\x01", 2, "more than ten bytes"),
        (b"\x01", 3, "cannot hold 3"),
        (b"", 1, "cannot hold 1"),
    ],
)
def test_other_numbers_than_expected_are_refused(content, count, said):
    with pytest.raises(ValueError, match=said):
        protobuf.packed(memoryview(content), count)


def test_no_numbers():
    assert len(protobuf.packed(memoryview(b""), 0)) == 0


def test_fields_are_counted():
    message = memoryview(bundles.whole(1, 7) * 3)
    assert list(protobuf.fields(message, 3)) == [(1, 7)] * 3
    with pytest.raises(ValueError, match="more than 2 fields"):
        list(protobuf.fields(message, 2))
