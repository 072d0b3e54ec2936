"""Pickles that mean harm, alone and inside files of torch.save: refused, and nothing happens."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from functools import partial
from pathlib import Path

import pytest
import torch

from asap_lightning.errors import UserError
from asap_lightning.untrusted import load_pickle, load_torch, pickles
from asap_lightning.untrusted.torch_files import MAGIC, PROTOCOL

pytestmark = pytest.mark.usefixtures("canary", "bounded")


def text(word: str) -> bytes:
    return b"X" + struct.pack("<I", len(word)) + word.encode()


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


SHELL = text("rm ../canary; touch here")
DTYPE = named("numpy", "dtype") + text("O8") + b"\x89\x88\x87R"
CLEARED = b"(K\x03" + text("|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
ARRAY = named("numpy.core.multiarray", "_reconstruct") + named("numpy", "ndarray") + b"K\x00\x85C\x01b\x87R"
NUMBERS = named("numpy", "dtype") + text("f4") + b"\x89\x88\x87R"
HOSTILE = {
    "reduce": named("os", "system") + SHELL + b"\x85R.",
    "inst": b"(" + SHELL + b"ios\nsystem\n.",
    "obj": b"(" + named("os", "system") + SHELL + b"o.",
    "newobj": named("subprocess", "Popen") + SHELL + b"\x85\x81.",
    "newobj_ex": b"\x80\x04" + named("subprocess", "Popen") + SHELL + b"\x85}\x92.",
    "stack global": b"\x80\x04" + text("posix") + text("system") + b"\x93" + SHELL + b"\x85R.",
    "dotted name": b"\x80\x04" + text("argparse") + text("_os.system") + b"\x93" + SHELL + b"\x85R.",
    "dotted name of an allowed module": b"\x80\x04" + text("torch") + text("hub.os.system") + b"\x93.",
    "eval": named("builtins", "eval") + SHELL + b"\x85R.",
    "getattr": named("builtins", "getattr") + named("torch", "Size") + text("__class__") + b"\x86R.",
    "allow more": named("torch.serialization", "add_safe_globals") + b"]\x85R.",
    "extension": b"\x80\x02\x82\x01.",
    "persistent text": b"Pos.system\n.",
    "persistent": text("storage") + b"Q.",
    "buffer": b"\x80\x05\x97.",
    "state of a class": named("torch", "UntypedStorage") + b"}" + text("nbytes") + b"K\x01sb.",
    "slots of a class": named("torch", "FloatStorage") + b"N}" + text("dtype") + b"K\x01s\x86b.",
    "state of a builtin": named("builtins", "dict") + b"}" + text("x") + b"K\x01sb.",
    "state of a function": named("torch._utils", "_rebuild_tensor_v2") + b"}" + text("__code__") + b"Nsb.",
    "a class is called": named("builtins", "int") + text("1") + b"\x85R.",
    "no name is called": text("x") + b")R.",
    "type of objects": DTYPE + b".",
    "type of objects, flags cleared": DTYPE + CLEARED + b".",
    "array of objects": ARRAY + b"(K\x01K\x01\x85" + DTYPE + b"\x89C\x08AAAAAAAAtb.",
    "array of a cleared type": ARRAY + b"(K\x01K\x01\x85" + NUMBERS + CLEARED[:-1] + b"\x89C\x08AAAAAAAAtb.",
    "array larger than its bytes": ARRAY + b"(K\x01J\x00\x00\x00\x40\x85" + NUMBERS + b"\x89C\x04AAAAtb.",
    "array of negative length": ARRAY + b"(K\x01J\xff\xff\xff\xff\x85" + NUMBERS + b"\x89C\x04AAAAtb.",
    "array without content": ARRAY + b".",
    "structured array": named("numpy", "dtype") + text("V8") + b"\x89\x88\x87R.",
    "huge integer": b"\x80\x02\x8b" + struct.pack("<I", 100_000) + b"\x7f" * 100_000 + b".",
    "integer of 2 GB": b"\x80\x02\x8b\xff\xff\xff\x7f.",
    "text of 10 GB": b"\x80\x04\x8d" + struct.pack("<Q", 10**10) + b"x.",
    "bytes of 10 GB": b"\x80\x04\x8e" + struct.pack("<Q", 10**10) + b"x.",
    "bytearray of 10 GB": b"\x80\x05\x96" + struct.pack("<Q", 10**10) + b"x.",
    "bytes of 2^63": b"\x80\x04\x8e" + struct.pack("<Q", 2**63) + b"x.",
    "integers that collide": b"}" + b"\x8a\x10" + b"\xff" * 15 + b"\x0fK\x01s.",
    "a list as key": b"}]K\x01s.",
    "a tuple as key": b"}K\x01\x85K\x01s.",
    "deep": b"]" * 300 + b"a" * 299 + b".",
    "very deep": b"]" * 100_000 + b"a" * 99_999 + b".",
    "contains itself": b"]q\x00h\x00a.",
    "contains itself far down": b"]q\x00}" + text("x") + b"h\x00\x85sa.",
    "unfolds to 10^30": b"]q\x00" + b"".join(
        b"](" + b"h" + bytes([n]) + (b"h" + bytes([n])) * 9 + b"eq" + bytes([n + 1]) for n in range(30)
    ) + b".",
    "no end": b"]]",
    "nothing on the stack": b".",
    "more than one thing": b"NN.",
    "takes what is not there": b"0.",
    "an unknown slot": b"h\x07.",
    "an open mark": b"N(.",
    "past a mark": b"K\x01(K\x02\x86.",
    "protocol 9": b"\x80\x09N.",
    "unknown opcode": b"\xffN.",
    "half a pair": b"}(K\x01u.",
}  # fmt: skip


def torch_zip(path: Path, pickle: bytes, storages: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {"data.pkl": pickle, "byteorder": b"little", "version": b"3\n"}.items():
            archive.writestr(f"archive/{name}", content)
        for key, content in (storages or {}).items():
            archive.writestr(f"archive/data/{key}", content)
    return path


def stream(path: Path, content: bytes, keys: list[str], rest: bytes = b"") -> Path:
    head = b"".join(pickle.dumps(part, 2) for part in (MAGIC, PROTOCOL, {"little_endian": True}))
    path.write_bytes(head + content + pickle.dumps(keys, 2) + rest)
    return path


def refused(read, path: Path) -> None:
    with pytest.raises(UserError, match=str(path)) as caught:
        read(path)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", HOSTILE)
def test_pickles(tmp_path, name):
    before = dict(vars(torch.UntypedStorage)), dict(vars(torch.FloatStorage))
    path = tmp_path / "x.pkl"
    path.write_bytes(HOSTILE[name])
    refused(load_pickle, path)
    for read in (load_torch, partial(load_torch, shells=True)):
        refused(read, torch_zip(tmp_path / "x.pt", HOSTILE[name]))
        refused(read, stream(tmp_path / "y.pt", HOSTILE[name], []))
    assert before == (dict(vars(torch.UntypedStorage)), dict(vars(torch.FloatStorage)))


HARMLESS = {
    "a memo of 2^31 slots": b"\x80\x02Nr\xff\xff\xff\x7f.",
    "a frame of 10 GB": b"\x80\x04\x95" + struct.pack("<Q", 10**10) + b"N.",
    "state of a dictionary": named("collections", "OrderedDict") + b")R}" + text("keys") + b"K\x01sb.",
    "a module of a strange name": named("models.os", "system") + b".",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_pickles_that_can_do_nothing(tmp_path, name):
    (tmp_path / "x.pkl").write_bytes(HARMLESS[name])
    content = load_pickle(tmp_path / "x.pkl")
    assert not hasattr(content, "__dict__") or not callable(getattr(content, "system", None))


def test_the_work_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(pickles, "MAX_OPCODES", 1000)
    (tmp_path / "x.pkl").write_bytes(b"N0" * 1000 + b"N.")
    refused(load_pickle, tmp_path / "x.pkl")


def tensor(
    offset=b"K\x00", size=b"K\x02\x85", stride=b"K\x01\x85", kind="FloatStorage", key="0", count=b"K\x02"
):
    storage = b"(" + text("storage") + named("torch", kind) + text(key) + text("cpu") + count + b"tQ"
    call = named("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + offset + size + stride + b"\x89"
    return call + named("collections", "OrderedDict") + b")RtR."


MINUS = b"J\xff\xff\xff\xff"
LONG = b"\x8a\x08" + struct.pack("<q", 2**62)
TENSORS = {
    "offset below 0": dict(offset=MINUS),
    "offset beyond": dict(offset=b"K\x02"),
    "offset far beyond": dict(offset=LONG, size=b"K\x00\x85"),
    "true as offset": dict(offset=b"\x88"),
    "size below 0": dict(size=MINUS + b"\x85"),
    "size beyond": dict(size=b"K\x03\x85"),
    "stride below 0": dict(offset=b"K\x01", stride=MINUS + b"\x85"),
    "stride beyond": dict(stride=b"K\x02\x85"),
    "stride overflows": dict(stride=LONG + b"\x85"),
    "more strides than sizes": dict(stride=b"K\x01K\x01\x86"),
    "one number 10^9 times": dict(size=b"J\x00\x00\x00\x40\x85", stride=b"K\x00\x85"),
    "nothing times 10^9": dict(size=b"J\x00\x00\x00\x40K\x00\x86", stride=b"K\x01K\x01\x86"),
    "200 axes": dict(size=b"(" + b"K\x01" * 200 + b"t", stride=b"(" + b"K\x01" * 200 + b"t"),
    "quantised": dict(kind="QInt8Storage"),
    "no such storage": dict(key="7"),
    "a storage elsewhere": dict(key="../data/0"),
    "more numbers than bytes": dict(count=b"J\x00\x00\x00\x40"),
    "fewer numbers than bytes": dict(count=b"K\x01"),
    "numbers below 0": dict(count=MINUS),
}


@pytest.mark.parametrize("name", TENSORS)
def test_tensors(tmp_path, name):
    content = tensor(**TENSORS[name])
    refused(load_torch, torch_zip(tmp_path / "x.pt", content, {"0": bytes(8)}))
    old = content.replace(b"tQ", b"NtQ")
    refused(load_torch, stream(tmp_path / "y.pt", old, ["0"], struct.pack("<q", 2) + bytes(8)))


def test_the_tensor_that_the_hostile_ones_are_made_from(tmp_path):
    path = torch_zip(tmp_path / "x.pt", tensor(), {"0": struct.pack("<2f", 1, 2)})
    assert load_torch(path).tolist() == [1, 2]
    old = tensor().replace(b"tQ", b"NtQ")
    path = stream(tmp_path / "y.pt", old, ["0"], struct.pack("<q2f", 2, 1, 2))
    assert load_torch(path).tolist() == [1, 2]


@pytest.mark.parametrize("keys", [[], ["1"], ["0", "0"], [["0"]]])
def test_streams_that_list_other_tensors(tmp_path, keys):
    old = tensor().replace(b"tQ", b"NtQ")
    refused(load_torch, stream(tmp_path / "y.pt", old, keys, struct.pack("<q", 2) + bytes(8)))


@pytest.mark.parametrize("count", [-1, 1, 3, 2**60])
def test_streams_whose_tensors_have_another_size(tmp_path, count):
    old = tensor().replace(b"tQ", b"NtQ")
    refused(load_torch, stream(tmp_path / "y.pt", old, ["0"], struct.pack("<q", count) + bytes(8)))


def test_truth_values_are_0_or_1(tmp_path):
    path = torch_zip(tmp_path / "x.pt", tensor(kind="BoolStorage"), {"0": b"\x07\x00"})
    assert load_torch(path).view(torch.uint8).tolist() == [1, 0]


def test_a_network_that_holds_a_thousand_shapes_of_one_number(tmp_path):
    one = tensor(size=b"M\x00\x40\x85", stride=b"K\x00\x85")[:-1]
    content = b"(" + one * 1000 + b"t."
    refused(load_torch, torch_zip(tmp_path / "x.pt", content, {"0": bytes(8)}))


def test_a_message_shows_no_control_characters(tmp_path):
    (tmp_path / "x.pkl").write_bytes(named("evil\x1b[2J", "n" * 500) + b".")
    with pytest.raises(UserError) as caught:
        load_pickle(tmp_path / "x.pkl")
    assert "\x1b" not in str(caught.value) and len(str(caught.value)) < 1000


def test_options_larger_than_any(tmp_path, monkeypatch):
    monkeypatch.setattr("asap_lightning.untrusted.torch_files.MAX_PICKLE", 10)
    content = io.BytesIO(pickle.dumps(list(range(10))))
    (tmp_path / "x.pkl").write_bytes(content.getvalue())
    refused(load_pickle, tmp_path / "x.pkl")
