"""TensorFlow's checkpoints: those that TensorFlow wrote, and those that nobody should have written."""

import random
import shutil
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

import bundles
from asap_lightning.errors import UserError
from asap_lightning.untrusted import is_tensorflow, open_tensorflow
from asap_lightning.untrusted.tensorflow_bundles import piece_key

WRITTEN = Path(__file__).parent / "tensorflow"
"""By TensorFlow 2.21 (write.py): both formats."""
READ = {
    "layer/weights": ("float32", (3, 3, 2, 4)), "layer/biases": ("float32", (4,)),
    "layer/weights/Adam": ("float32", (3, 3, 2, 4)), "beta1_power": ("float32", ()),
    "global_step": ("int64", ()), "half": ("float16", (5,)), "double": ("float64", (2, 3)),
    "int32": ("int32", (3,)), "flag": ("bool", (3,)), "empty": ("float32", (0, 3)),
    "wide": ("float32", (1, 210)), "tall": ("float32", (5, 2)),
}  # fmt: skip
ARRAYS = {
    "a/weights": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "a/biases": np.arange(-2, 2, dtype=np.int32),
    "b": np.array(2.5),
    "flag": np.array(True),
    "flags": np.array([True, False]),
    "half": np.array([1, 0.5, -2], np.float16),
    "step": np.array(-7, np.int64),
}


def numbers(dtype, shape):
    """As write.py has them."""
    values = np.arange(np.prod(shape, dtype=int)) * 2.5 - 3
    return (values % 2 > 1 if dtype == "bool" else values.astype(dtype)).reshape(shape)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_what_tensorflow_wrote_is_read_to_the_last_bit(version):
    checkpoint = open_tensorflow(WRITTEN / version / "model.ckpt-7")
    assert checkpoint.variables.keys() == READ.keys() | {"byte", "text"}
    assert checkpoint.variables["text"].dtype == "string" and checkpoint.variables["byte"].dtype == "uint8"
    found = checkpoint.read(READ)
    for name, (dtype, shape) in READ.items():
        assert checkpoint.variables[name].shape == shape and checkpoint.variables[name].dtype == dtype
        assert found[name].dtype == getattr(torch, dtype)
        assert np.array_equal(found[name].numpy(), numbers(dtype, shape)), name
    with pytest.raises(UserError, match="'text' holds string; what is read is float32"):
        checkpoint.read(["half", "text"])


@pytest.mark.parametrize("write", [bundles.write_bundle, bundles.write_slices])
@pytest.mark.parametrize("times", [1, 60])
def test_what_was_written_is_read(write, times, tmp_path):
    arrays = {f"{name}/{number}": array for name, array in ARRAYS.items() for number in range(times)}
    found = open_tensorflow(write(tmp_path / "m", arrays)).read(arrays)
    assert all(np.array_equal(found[name].numpy(), array) for name, array in arrays.items())
    assert all(str(found[name].numpy().dtype) == str(array.dtype) for name, array in arrays.items())


def test_several_files_of_numbers_and_none_of_the_checksums(tmp_path):
    place = bundles.write_bundle(tmp_path / "m", ARRAYS, files=3, checks=False)
    found = open_tensorflow(place).read(ARRAYS)
    assert all(np.array_equal(found[name].numpy(), array) for name, array in ARRAYS.items())
    (tmp_path / "m.data-00001-of-00003").unlink()
    with pytest.raises(UserError, match=r"incomplete: there is no file .*m\.data-00001-of-00003"):
        open_tensorflow(place).read(ARRAYS)


def test_the_key_of_a_piece():
    """By TensorFlow's own keys: tests/untrusted/tensorflow/v2, and their signed numbers by hand."""
    index = (WRITTEN / "v2" / "model.ckpt-7.index").read_bytes()
    assert piece_key("wide", ((0, 1), (140, 70))).endswith(b"\x80\x81\xc0\x8c\xc0\x46")
    assert piece_key("tall", ((0, 3), (0, 2)))[1:] in index
    assert piece_key("a\xff\0", ()) == b"\0" + "a\xff".encode() + b"\0\xff\0\1" + b"\0"
    assert piece_key("x", ((64, -1),)) == b"\0x\0\1\1\1" + b"\xc0\x40\x7f"


@pytest.mark.parametrize("given", ["model.ckpt", "model.ckpt.index", "model.ckpt.data-00000-of-00001", "."])
def test_a_bundle_by_any_of_its_names(given, tmp_path, monkeypatch):
    bundles.write_bundle(tmp_path / "model.ckpt", ARRAYS)
    (tmp_path / "model.ckpt.meta").write_bytes(b"never read")
    assert is_tensorflow(tmp_path / given)
    assert open_tensorflow(tmp_path / given).place == tmp_path / "model.ckpt"
    monkeypatch.chdir(tmp_path)
    assert is_tensorflow(Path(given)) and open_tensorflow(Path(given)).variables.keys() == ARRAYS.keys()


@pytest.mark.parametrize("named", ["m-2", "/home/author/runs/m-2", "../../m-2"])
def test_the_folders_latest_lies_in_the_folder(named, tmp_path):
    for step in (1, 2):
        bundles.write_bundle(tmp_path / "run" / f"m-{step}", {"x": np.array(float(step))})
    (tmp_path / "run" / "checkpoint").write_text(
        f'model_checkpoint_path: "{named}"\nall_model_checkpoint_paths: "m-1"\n'
    )
    for given in (tmp_path / "run", tmp_path / "run" / "checkpoint"):
        checkpoint = open_tensorflow(given)
        assert checkpoint.read(["x"])["x"] == 2
        assert "m-2" in checkpoint.note and ("beside it" in checkpoint.note) == (named != "m-2")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no checkpoint"),
        ('model_checkpoint_path: ".."', "names no file"),
        ('model_checkpoint_path: "a/"', "names no file"),
        ('model_checkpoint_path: "m-9"', "neither that file nor .*m-9.index"),
        (None, "several checkpoints: name one of m-1, m-2"),
    ],
)
def test_a_folder_that_does_not_tell(text, said, tmp_path):
    for step in (1, 2):
        bundles.write_bundle(tmp_path / f"m-{step}", {"x": np.array(1.0)})
    if text is not None:
        (tmp_path / "checkpoint").write_text(text)
    with pytest.raises(UserError, match=said):
        open_tensorflow(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<!doctype html><html>", "no TensorFlow checkpoint: it is a web page"),
        (b"\x80\x02}q\x00.", "no TensorFlow checkpoint"),
        (bundles.table([(b"", b"")]), "damaged or no TensorFlow checkpoint: it does not begin with a list"),
        (bundles.table([(b"x", b"")], kind=1), "packed by Snappy, which is not read here"),
        (bundles.table([(b"x", b"")], kind=7), "a block of kind 7"),
        (bundles.MAGIC, "does not end as a table does"),
    ],
)
def test_another_file_is_called_what_it_is(content, said, tmp_path):
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(UserError, match=said):
        open_tensorflow(tmp_path / "m")


HEADER = (b"", bundles.whole(1, 1))
SUM = bundles.masked_sum(bytes(8))


def row(name=b"x", kind=1, shape=(2,), start=0, size=8, checksum=SUM, file=0):
    return name, bundles.entry(kind, shape, start, size, checksum, file)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row()], "no header"),
        ([(b"", bundles.whole(1, 20_000)), row()], "a bundle of 20000 files"),
        ([(b"", bundles.whole(1, 1) + bundles.whole(2, 1)), row()], "big-endian"),
        ([HEADER, row(start=1)], "would end at byte 9 of m.data-00000-of-00001, which has 8"),
        ([HEADER, row(start=2**62)], "would end at byte"),
        ([HEADER, row(start=-1)], "negative number"),
        ([HEADER, row(size=4)], "has 4 bytes of float32"),
        ([HEADER, row(shape=(2**40, 2**40))], "a variable of shape"),
        ([HEADER, row(shape=(-1,))], "negative number"),
        ([HEADER, row(shape=(1,) * 20)], "more than 16 fields"),
        ([HEADER, row(shape=(2**29,), size=2**31)], "would take 2147483648 bytes, its files have 8"),
        ([HEADER, row(checksum=1)], "'x' does not agree with its checksum"),
        ([HEADER, row(kind=14)], "'x' holds bfloat16"),
        ([HEADER, row(kind=99)], "'x' holds type 99"),
        ([HEADER, row(file=3)], "there is no file .*data-00003-of-00001"),
        ([HEADER, row(), row(b"y")], "would take 16 bytes, its files have 8"),
        ([HEADER, (b"a\x1b[31m", row()[1])], "a variable's name that is no name"),
        ([HEADER, (b"x" * 3000, row()[1])], "a variable's name that is no name"),
        ([HEADER, (b"x" * 5000, row()[1])], "a name that is too long"),
        ([HEADER, (b"x", row()[1] + bundles.nested(7, b""))], "a piece of 0 axes"),
        ([HEADER, (b"x", row()[1] + bundles.nested(7, bundles.nested(1, bundles.whole(1, 3))))], "outside"),
        ([HEADER, (b"x", row()[1] + bundles.nested(7, bundles.nested(1, b"")))], "a piece of 'x' is missing"),
        ([HEADER, (b"x", b"\xff" * 30)], "more than ten bytes"),
        ([HEADER, HEADER], "out of order"),
    ],
)
def test_an_index_that_promises_what_is_not_there(rows, said, tmp_path):
    (tmp_path / "m.index").write_bytes(bundles.table(rows))
    (tmp_path / "m.data-00000-of-00001").write_bytes(bytes(8))
    with pytest.raises(UserError, match=said):
        checkpoint = open_tensorflow(tmp_path / "m")
        checkpoint.read(checkpoint.variables)


def test_overlapping_variables_are_as_many_bytes_as_there_are(tmp_path):
    """Two variables may share bytes, as long as together they are no more than the file."""
    (tmp_path / "m.index").write_bytes(bundles.table([HEADER, row(), row(b"y", start=4)]))
    content = np.arange(4, dtype=np.float32).tobytes()
    (tmp_path / "m.data-00000-of-00001").write_bytes(content)
    checkpoint = open_tensorflow(tmp_path / "m")
    with pytest.raises(UserError, match="checksum"):
        checkpoint.read(["x", "y"])
    rows = [row(), row(b"y", start=4)]
    rows = [(name, value[:-5]) for name, value in rows]
    (tmp_path / "m.index").write_bytes(bundles.table([HEADER, *rows]))
    found = open_tensorflow(tmp_path / "m").read(["x", "y"])
    assert found["x"].tolist() == [0, 1] and found["y"].tolist() == [1, 2]


def test_pieces_must_cover_their_variable_once(tmp_path):
    def piece(start):
        return bundles.nested(1, bundles.whole(1, start) + bundles.whole(2, 2))

    def index(first, second):
        whole = row(shape=(4,), size=16)[1][:-5]
        whole += bundles.nested(7, piece(first)) + bundles.nested(7, piece(second))
        parts = {piece_key("x", ((start, 2),)): row()[1] for start in (first, second)}
        return bundles.table([HEADER, (b"x", whole), *parts.items()])

    (tmp_path / "m.data-00000-of-00001").write_bytes(bytes(16))
    (tmp_path / "m.index").write_bytes(index(0, 2))
    assert open_tensorflow(tmp_path / "m").read(["x"])["x"].shape == (4,)
    (tmp_path / "m.index").write_bytes(index(0, 1))
    with pytest.raises(UserError, match="the pieces of 'x' overlap"):
        open_tensorflow(tmp_path / "m").read(["x"])


def test_pieces_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("asap_lightning.untrusted.tensorflow_bundles.MOST_PIECES", 3)
    monkeypatch.setattr("asap_lightning.untrusted.tensorflow_slices.MOST_PIECES", 3)
    everything = bundles.nested(7, bundles.nested(1, b""))
    for rows in (
        [(b"x", row()[1] + everything * 4)],
        [(b"x", row()[1] + everything * 2), (b"y", row()[1] + everything * 2)],
    ):
        (tmp_path / "m.index").write_bytes(bundles.table([HEADER, *rows]))
        with pytest.raises(UserError, match="more than 3 pieces"):
            open_tensorflow(tmp_path / "m")
    with pytest.raises(UserError, match="more than 3 variables or pieces"):
        open_tensorflow(bundles.write_slices(tmp_path / "v1", ARRAYS))


def test_a_file_that_unfolds_to_names_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("asap_lightning.untrusted.tables.MOST_KEYS", 1000)
    rows = [(b"x" * 390 + bytes([65 + number]), row()[1]) for number in range(5)]
    (tmp_path / "m.index").write_bytes(bundles.table([HEADER, *rows]))
    with pytest.raises(UserError, match="1000 bytes of names"):
        open_tensorflow(tmp_path / "m")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_huge_files_are_not_read_through(version, tmp_path):
    """Grown to 100 GB (sparse): the end is looked at, and no more."""
    for path in (WRITTEN / version).iterdir():
        shutil.copy(path, tmp_path)
    for path in tmp_path.iterdir():
        with path.open("r+b") as file:
            file.truncate(100 * 10**9)
    start = time.monotonic()
    with pytest.raises(UserError, match="checkpoint"):
        open_tensorflow(tmp_path / "model.ckpt-7")
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_spoiled_files_are_read_or_refused_within_memory(version, tmp_path):
    source = random.Random(0)
    originals = {path.name: path.read_bytes() for path in (WRITTEN / version).iterdir()}
    tracemalloc.start()
    outcomes = set()
    for _ in range(150):
        chosen = source.choice(sorted(originals))
        for name, content in originals.items():
            spoiled = bytearray(content)
            if name == chosen and source.random() < 0.3:
                del spoiled[source.randrange(len(spoiled)) :]
            elif name == chosen:
                for _ in range(source.randint(1, 4)):
                    spoiled[source.randrange(len(spoiled))] ^= 1 << source.randrange(8)
            (tmp_path / name).write_bytes(spoiled)
        try:
            open_tensorflow(tmp_path / "model.ckpt-7").read(READ)
            outcomes.add("read")
        except UserError as error:
            outcomes.add("refused")
            assert str(tmp_path) in str(error) and "\n" not in str(error)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "refused" in outcomes and peak < 16 * 2**20
