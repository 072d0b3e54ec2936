"""Caffe's models, byte by byte."""

import random
import struct
import tracemalloc
from contextlib import suppress

import pytest
import torch

from asap_lightning.errors import UserError
from asap_lightning.untrusted import load_caffe

# layer (100) { name (1): "c"; blobs (7) { shape (7) { dim (1): [2, 1] } data (5): [1.5, -2] } }
BLOB = b"\x3a\x04\x0a\x02\x02\x01" + b"\x2a\x08" + struct.pack("<2f", 1.5, -2.0)
LAYER = b"\x0a\x01c" + b"\x3a" + bytes([len(BLOB)]) + BLOB
MODEL = b"\xa2\x06" + bytes([len(LAYER)]) + LAYER


def write(path, content):
    path.write_bytes(content)
    return path


def test_a_layer_worked_by_hand(tmp_path):
    (layer,) = load_caffe(write(tmp_path / "m", b"\x0a\x03net" + MODEL))
    assert layer.name == "c"
    assert torch.equal(layer.blobs[0], torch.tensor([[1.5], [-2.0]]))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b"<!doctype html><html>", "web page"),
        (MODEL[:-1], "bytes where"),
        (b"\x0a\x03net", "no layer with weights"),
        (b"\x0b" * 4, "a field of kind 3"),
        (b"\xff" * 30, "more than ten bytes"),
        (MODEL.replace(b"\x02\x02\x01", b"\x02\x02\x03"), "shape"),
        (MODEL.replace(b"\x0a\x02\x02\x01", b"\x08\x80\x80\x01"), "shape"),
    ],
)
def test_what_is_none_is_refused_with_its_reason(content, expected, tmp_path):
    with pytest.raises(UserError, match=expected):
        load_caffe(write(tmp_path / "m", content))


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match="there is no file"):
        load_caffe(tmp_path / "m")


def test_spoiled_bytes_are_read_or_refused_within_memory(tmp_path):
    source = random.Random(0)
    model = MODEL * 4
    tracemalloc.start()
    for _ in range(300):
        spoiled = bytearray(model)
        for _ in range(source.randint(1, 4)):
            spoiled[source.randrange(len(spoiled))] = source.randrange(256)
        with suppress(UserError):
            load_caffe(write(tmp_path / "m", bytes(spoiled)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20
