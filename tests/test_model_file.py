"""A model in one safetensors file: what it keeps, what it leaves behind, and files that are none."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import torch

import small
from asap_lightning.checkpoint import ENTRY, ModelDescription, read_checkpoint
from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.inference import load_generator
from asap_lightning.model_file import write_model

SPEC = ConditionSpec("label", num_classes=3)
CONFIG = {
    "name": "mine",
    "runs": "/home/somebody/runs",
    "data": {
        "root": "/home/somebody/photos",
        "layout": {"_target_": "asap_lightning.data.layouts.TwoFolders", "_partial_": True},
        "height": 64,
        "width": 96,
    },
    "loss": {"perceptual": {"network": "vgg19", "weights": "/home/somebody/vgg.pth"}, "l1": 1.0},
    "logger": {"csv": {"save_dir": "/home/somebody"}},
}


@pytest.fixture(scope="module")
def generator():
    made = small.asap_generator(SPEC)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    return made.eval()


@pytest.fixture
def description():
    return ModelDescription(
        SPEC.as_dict(),
        {"_target_": "asap_lightning.models.AsapGenerator", **small.ASAP},
        {"_target_": "asap_lightning.models.MultiscaleDiscriminator"},
        CONFIG,
    )


@pytest.mark.parametrize(("dtype", "error"), [("float32", 0.0), ("float16", 5e-4), ("bfloat16", 4e-3)])
def test_it_comes_back(generator, description, tmp_path, dtype, error):
    path = tmp_path / "model.safetensors"
    write_model(path, description, generator.state_dict(), kind="ema", dtype=dtype)
    back, found = load_generator(path, "ema")
    for name, value in generator.state_dict().items():
        assert back.state_dict()[name].dtype == torch.float32
        assert (back.state_dict()[name] - value).abs().max() <= error * value.abs().max()
    assert found.spec == description.spec and found.generator == description.generator
    assert found.training_size == (64, 96)


def test_nothing_of_the_machine_is_shared(generator, description, tmp_path):
    path = tmp_path / "model.safetensors"
    write_model(path, description, generator.state_dict())
    assert b"somebody" not in path.read_bytes()
    assert description.config["data"]["root"], "the description that was given stays whole"
    entry = read_checkpoint(path)[ENTRY]
    assert entry["discriminator"] is None and entry["config"]["loss"]["l1"] == 1.0


def test_what_is_no_number_in_float16_is_refused(generator, description, tmp_path):
    weights = {name: value.clone() for name, value in generator.state_dict().items()}
    name = next(iter(weights))
    weights[name].view(-1)[0] = 1e6
    with pytest.raises(UserError, match=f"{name} is not finite in float16"):
        write_model(tmp_path / "model.safetensors", description, weights, dtype="float16")
    with pytest.raises(UserError, match="dtype=int8: one of float32"):
        write_model(tmp_path / "model.safetensors", description, weights, dtype="int8")
    assert not list(tmp_path.iterdir())


def written(path: Path, header: object, data: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


BAD = {
    "no description": ({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, b"\0" * 4, None),
    "truncated": ({"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}, b"\0" * 4, None),
    "overlapping": (
        {name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for name in "ab"},
        b"\0" * 4,
        None,
    ),
    "huge shape": ({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 4]}}, b"\0" * 4, None),
    "header longer than the file": ({}, b"", 2**30),
    "not JSON": (b"{no JSON", b"", None),
    "description of no model": ({"__metadata__": {ENTRY: "{}", "weights": "raw"}}, b"", None),
    "description is no JSON": ({"__metadata__": {ENTRY: "{" * 9, "weights": "raw"}}, b"", None),
    "description is deep": ({"__metadata__": {ENTRY: "[" * 99_999, "weights": "raw"}}, b"", None),
    "unknown weights": ({"__metadata__": {ENTRY: "{}", "weights": "best"}}, b"", None),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_files_are_one_clear_error(kind, tmp_path):
    path = written(tmp_path / "bad.safetensors", *BAD[kind])
    with pytest.raises(UserError, match=r"bad\.safetensors"):
        load_generator(path)


def test_a_description_cannot_name_what_is_no_generator(generator, description, tmp_path):
    path = tmp_path / "model.safetensors"
    evil = ModelDescription(SPEC.as_dict(), {"_target_": "os.system", "command": "true"})
    write_model(path, evil, generator.state_dict())
    with pytest.raises(UserError, match=r"refused to build 'os\.system'"):
        load_generator(path)
