"""``asap data shard``, and a training and a translation from shards."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import small

FACADES = ("data=facades", "data.layout.split=ratio")


@pytest.fixture
def shards(asap, facades: Path, tmp_path: Path) -> Path:
    where = (f"data.root={facades}", "out=shards")
    shown = asap("data", "shard", *FACADES, "--shard-mb", 0.02, *where)
    assert shown.code == 0, shown.err
    assert "data=shards data.root=shards" in shown.out and "test (= val)" in shown.out
    return tmp_path / "shards"


def test_train_evaluate_and_predict(asap, shards: Path, facades: Path, tmp_path: Path) -> None:
    """The checkpoint alone knows how label files are read: the shards may be gone by then."""
    run = ("data=shards", f"data.root={shards}", "trainer.max_steps=3", f"hydra.run.dir={tmp_path}/run")
    shown = asap("train", *small.TRAIN, *run)
    assert shown.code == 0, shown.err
    assert asap("evaluate", "ckpt=run", "output=figures").code == 0
    shards.rename(tmp_path / "gone")
    label = facades / "base/cmp_b0003.png"
    shown = asap("predict", "ckpt=run", f"input={label}", "output=out")
    assert shown.code == 0, shown.err
    with Image.open(tmp_path / "out/cmp_b0003.png") as image:
        assert np.asarray(image).shape == (64, 64, 3)


def test_check_reads_shards(asap, shards: Path) -> None:
    shown = asap("data", "check", shards)
    assert shown.code == 0 and "no problems in 10 pairs" in shown.out
    path = shards / "train-000000.tar"
    path.write_bytes(path.read_bytes()[:-10240])
    shown = asap("data", "check", shards, "data=shards")
    assert shown.code == 1 and "train-000000.tar has" in " ".join(shown.out.split())


def test_train_from_an_address(asap, shards: Path, tmp_path: Path) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(shards))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        words = (f"data.root={url}", f"data.layout.cache={tmp_path}/cache", "data.num_workers=1")
        shown = asap("train", *small.TRAIN, "data=shards", *words, "trainer.max_steps=2")
        assert shown.code == 0, shown.err
        assert list((tmp_path / "cache").glob("*.tar"))
        shown = asap("data", "check", url, f"data.layout.cache={tmp_path}/cache")
        assert shown.code == 0 and "no problems in 10 pairs" in shown.out and url in shown.out
        shown = asap("train", *small.TRAIN, "data=shards", f"data.root={url}/nowhere")
        assert shown.code == 2 and "there is no index.json" in shown.err and "Traceback" not in shown.err
        server.shutdown()


def test_a_damaged_shard_stops_a_training_with_its_name(asap, shards: Path) -> None:
    path = shards / "train-000000.tar"
    content = bytearray(path.read_bytes())
    content[700] ^= 255
    path.write_bytes(content)
    shown = asap(
        "train",
        *small.TRAIN,
        "data.num_workers=1",
        "data=shards",
        f"data.root={shards}",
        "trainer.max_epochs=1",
    )
    assert shown.code == 2 and "Traceback" not in shown.err
    assert f"{path} is damaged: the checksum" in shown.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["data=facades", "data.root=nowhere", "out=x"], "data.root=nowhere: there is no such folder"),
        (["data=facades", "out=x"], "data.root is missing: give the folder of the data set as data.root=DIR"),
        (
            ["data=facades", "data.root=x"],
            "out is missing: give the folder that receives the shards",
        ),
        (["data=facade", "data.root=x", "out=y"], "Did you mean"),
        (["data=demo", "data.root=x", "out=y", "--photo-format", "png"], "for resized photos (--resize)"),
        (["data=demo", "data.root=x", "out=y", "--shard-mb", "0"], "--shard-mb 0: a positive number"),
    ],
)
def test_mistakes(asap, words: list[str], expected: str) -> None:
    shown = asap("data", "shard", *words)
    assert shown.code == 2 and expected in shown.err and "Traceback" not in shown.err
