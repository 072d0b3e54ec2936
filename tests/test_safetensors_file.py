"""Safetensors files whose bytes follow from what they hold."""

from __future__ import annotations

import io

import torch
from safetensors import safe_open
from safetensors.torch import load, save

from asap_lightning.safetensors_file import write_safetensors

WEIGHTS = {"b.weight": torch.arange(6.0).view(2, 3), "a": torch.tensor([True]), "none": torch.zeros(0, 2)}
TEXTS = {name: f"text of {name}, é" for name in "gcafbed"}


def written(texts: dict[str, str]) -> bytes:
    file = io.BytesIO()
    write_safetensors(file, WEIGHTS, texts)
    return file.getvalue()


def test_equal_contents_are_equal_bytes() -> None:
    backwards = dict(reversed(TEXTS.items()))
    assert len({written(texts) for _ in range(20) for texts in (TEXTS, backwards)}) == 1
    assert len({save(WEIGHTS, metadata=TEXTS) for _ in range(20)}) > 1, "the library does it by itself now"


def test_the_library_reads_them(tmp_path) -> None:
    path = tmp_path / "one.safetensors"
    path.write_bytes(written(TEXTS))
    with safe_open(path, "pt") as file:
        assert file.metadata() == TEXTS
    read = load(path.read_bytes())
    assert read.keys() == WEIGHTS.keys()
    for name, value in WEIGHTS.items():
        assert read[name].dtype == value.dtype and torch.equal(read[name], value)
