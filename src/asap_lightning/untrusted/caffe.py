"""Weights in a ``.caffemodel``: Caffe's ``NetParameter`` in protobuf's wire format, without protobuf.

Only names of layers and blobs of packed float32 are taken. A message is read in place: every length is
checked against what is left of the message around it, so nothing is larger than the file.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from asap_lightning.errors import UserError
from asap_lightning.untrusted.kinds import HEAD, what_is
from asap_lightning.untrusted.protobuf import fields, varint

# Field numbers of caffe.proto. A layer stands in field 100; until 2014 in field 2, with other numbers inside.
_LAYERS = {100: (1, 7), 2: (4, 6)}
_SHAPE, _DATA = 7, 5
_OLD_SHAPE = (1, 2, 3, 4)
_DIM = 1

MOST_LAYERS = 10_000
MOST_AXES = 8


@dataclass(frozen=True, eq=False)
class CaffeLayer:
    """A layer that has weights."""

    name: str
    blobs: tuple[Tensor, ...]


def load_caffe(path: Path) -> list[CaffeLayer]:
    """The layers with weights, in the file's order.

    Raises:
        UserError: missing, something else, or damaged.
    """
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    with path.open("rb") as file:
        kind = what_is(file.read(HEAD))
        if kind is not None:
            raise UserError(f"{path} is no Caffe model: it is {kind}")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content, memoryview(content) as view:
            layers: list[CaffeLayer] | str
            try:
                layers = _layers(view)
            except (ValueError, IndexError) as error:
                # without its traceback, which would keep parts of the view alive
                layers = str(error)
    if isinstance(layers, str):
        raise UserError(f"{path} is no Caffe model, or is damaged: {layers}")
    if not layers:
        raise UserError(f"{path} is no Caffe model: it has no layer with weights")
    return layers


def _layers(view: memoryview) -> list[CaffeLayer]:
    layers, seen = [], 0
    for number, value in fields(view):
        if number not in _LAYERS or not isinstance(value, memoryview):
            continue
        seen += 1
        if seen > MOST_LAYERS:
            raise ValueError(f"more than {MOST_LAYERS} layers")
        name_field, blob_field = _LAYERS[number]
        name, blobs = "", []
        for inner, part in fields(value):
            if inner == name_field and isinstance(part, memoryview):
                name = bytes(part[:200]).decode("utf-8", "replace")
            elif inner == blob_field and isinstance(part, memoryview):
                blobs.append(_blob(part))
        if blobs:
            layers.append(CaffeLayer(name, tuple(blobs)))
    return layers


def _blob(message: memoryview) -> Tensor:
    shape: list[int] = []
    old: dict[int, int] = {}
    data: list[memoryview] = []
    for number, value in fields(message):
        if number == _SHAPE and isinstance(value, memoryview):
            shape = _shape(value)
        elif number == _DATA and isinstance(value, memoryview):
            data.append(value)
        elif number in _OLD_SHAPE and isinstance(value, int):
            old[number] = value
    shape = shape or [old.get(number, 1) for number in _OLD_SHAPE]
    found = sum(len(part) for part in data)
    if 4 * prod(shape) != found or not found:
        raise ValueError(f"a blob of shape {tuple(shape)} has {found} bytes of float32")
    values = np.concatenate([np.frombuffer(part, "<f4") for part in data])
    return torch.from_numpy(values).reshape(shape)


def _shape(message: memoryview) -> list[int]:
    sides: list[int] = []
    for number, value in fields(message):
        if number == _DIM and isinstance(value, memoryview):
            place = 0
            while place < len(value):
                side, place = varint(value, place)
                sides.append(side)
                if len(sides) > MOST_AXES:
                    raise ValueError(f"a blob of more than {MOST_AXES} axes")
        elif number == _DIM and isinstance(value, int):
            sides.append(value)
    if len(sides) > MOST_AXES:
        raise ValueError(f"a blob of more than {MOST_AXES} axes")
    return sides
