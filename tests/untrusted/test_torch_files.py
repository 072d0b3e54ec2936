"""Files of torch.save read as torch.load reads them, and every other kind refused by its name."""

import argparse
import os
import pickle
import zipfile
from collections import Counter, OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from asap_lightning.errors import UserError
from asap_lightning.untrusted import Shell, load_pickle, load_torch

FORMATS = pytest.mark.parametrize("old", [False, True], ids=["zip", "stream"])


def rich_content():
    shared = torch.arange(12, dtype=torch.float32)
    return {
        "state": nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).state_dict(),
        "dtypes": [
            torch.ones(3, dtype=dtype)
            for dtype in (
                torch.float64,
                torch.float16,
                torch.bfloat16,
                torch.int8,
                torch.int64,
                torch.complex64,
            )
        ],
        "bool": torch.tensor([True, False]),
        "views": [shared, shared[2:6], shared.view(3, 4).t(), shared[:1].expand(5)],
        "empty": torch.empty(0, 3),
        "scalar": torch.tensor(1.5),
        "parameter": nn.Parameter(torch.ones(2)),
        "plain": [
            None,
            True,
            1,
            -5,
            2**40,
            1.5,
            "é",
            b"b",
            (1, (2,)),
            {1: 2},
            {"a", "b"},
            frozenset([1]),
            1j,
        ],
        "torch": [torch.Size([1, 2]), torch.device("cpu"), torch.float32],
        "counter": Counter({3: 1}),
        "ordered": OrderedDict(a=1),
    }


def same(ours, theirs):
    if isinstance(theirs, torch.Tensor):
        assert (
            ours.dtype == theirs.dtype and ours.shape == theirs.shape and torch.equal(ours, theirs.detach())
        )
        assert ours.stride() == theirs.stride()
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key in theirs:
            same(ours[key], theirs[key])
    elif isinstance(theirs, list):
        for one, other in zip(ours, theirs, strict=True):
            same(one, other)
    else:
        assert ours == theirs and type(ours) is type(theirs)


@FORMATS
def test_content_is_that_of_torch_load(tmp_path, old):
    path, content = tmp_path / "x.pt", rich_content()
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    read = load_torch(path)
    same(read, torch.load(path, weights_only=False))
    assert read["state"]._metadata == content["state"]._metadata
    whole, part, *_ = read["views"]
    part.zero_()
    assert whole[2:6].eq(0).all()  # storages are shared as they were


@pytest.mark.parametrize("dtype", [torch.uint16, torch.float8_e4m3fn])
def test_types_without_a_storage_class(tmp_path, dtype):
    tensor = torch.arange(6, dtype=torch.uint8).view(dtype)
    torch.save([tensor], tmp_path / "x.pt")
    (read,) = load_torch(tmp_path / "x.pt")
    assert read.dtype == dtype and torch.equal(read.view(torch.uint8), tensor.view(torch.uint8))


@FORMATS
def test_plain_data_without_the_weights(tmp_path, old):
    torch.save({"step": 3, "w": torch.ones(4, 5)}, tmp_path / "x.pt", _use_new_zipfile_serialization=not old)
    read = load_torch(tmp_path / "x.pt", weights=False)
    assert read["step"] == 3 and read["w"].is_meta and read["w"].shape == (4, 5)


@pytest.mark.parametrize("protocol", range(6))
def test_arrays_and_numbers_of_numpy_at_every_protocol(tmp_path, protocol):
    content = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "f": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "n": np.float64(2.5),
        "big": np.arange(3, dtype=">i4"),
        "empty": np.zeros((0, 2)),
    }
    content["again"] = content["a"]
    path = tmp_path / "opt.pkl"
    path.write_bytes(pickle.dumps(content, protocol))
    read = load_pickle(path)
    for name, array in content.items():
        assert np.array_equal(read[name], array)
    assert read["again"] is read["a"] and type(read["n"]) is float


def test_options_become_a_shell(tmp_path):
    path = tmp_path / "opt.pkl"
    path.write_bytes(pickle.dumps(argparse.Namespace(ids=[1, 2], kind=int)))
    read = load_pickle(path)
    assert type(read) is Shell and read.ids == [1, 2] and repr(read.kind) == "builtins.int"


class Evil:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch {self.target}",)


@FORMATS
def test_python_objects_are_named_all_at_once(tmp_path, old):
    mark, path = tmp_path / "ran", tmp_path / "evil.pt"
    content = {"a": Evil(mark), "b": argparse.Namespace(x=1)}
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    with pytest.raises(
        UserError, match=r"\(posix\.system, argparse\.Namespace\).*nothing from it was run.*save"
    ):
        load_torch(path)
    with pytest.raises(UserError, match=r"\(posix\.system\)"):
        load_torch(path, shells=True)
    assert not mark.exists()


@pytest.mark.parametrize("name", ["builtins.eval", "builtins.getattr", "torch.hub.load", "numpy.load", "a.b"])
def test_only_listed_names_are_known(tmp_path, name):
    module, _, attribute = name.rpartition(".")
    (tmp_path / "x.pkl").write_bytes(f"c{module}\n{attribute}\n.".encode())
    with pytest.raises(UserError, match=rf"refused.*\({name}\)"):
        load_pickle(tmp_path / "x.pkl")


KINDS = {
    "a web page": b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "JSON": b'{"error": "not found"}',
    "XML": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    "git lfs pull": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n",
    "gzip": b"\x1f\x8b\x08\x00" + b"x" * 30,
    "safetensors": b"\x40\0\0\0\0\0\0\0" + b'{"weight":{"dtype":"F32"',
    "ONNX": b"\x08\x08\x12\x07pytorch\x1a\x031.9",
    "HDF5": b"\x89HDF\r\n\x1a\n",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "empty": b"",
    "zeros": bytes(4096),
    "tar archive": b"storages" + bytes(249) + b"ustar  \0" + bytes(300),
    "damaged or not a checkpoint": b"not a checkpoint",
}


@pytest.mark.parametrize("kind", KINDS)
def test_other_files_are_called_what_they_are(tmp_path, kind):
    path = tmp_path / "x.pth"
    path.write_bytes(KINDS[kind])
    with pytest.raises(UserError, match=rf"{path}.*{kind}"):
        load_torch(path)


@pytest.mark.parametrize("name", ["weights.pth", "a.npy"])
def test_other_zip_archives_are_called_that(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(UserError, match=f"archive of .*{name}"):
        load_torch(tmp_path / "x.pth")


@FORMATS
def test_a_file_that_ends_early(tmp_path, old):
    path = tmp_path / "x.pt"
    torch.save({"w": torch.ones(1000)}, path, _use_new_zipfile_serialization=not old)
    content = path.read_bytes()
    for length in (10, 300, len(content) - 500):
        path.write_bytes(content[:length])
        with pytest.raises(UserError, match=r"damaged or not a checkpoint"):
            load_torch(path)
    with pytest.raises(UserError, match="there is no file"):
        load_torch(tmp_path / "absent.pth")
