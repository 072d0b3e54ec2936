"""``bank=`` wherever a model predicts: the images are those of ``asap predict`` of a folder, bit for bit."""

from __future__ import annotations

import io
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from asap_lightning.batch.ray_engine import RayWorker
from asap_lightning.batch.worker import Unit
from asap_lightning.commands import predict_batch, serve
from asap_lightning.errors import UserError
from asap_lightning.inference.composer import canvas_settings
from asap_lightning.segments import Canvases

NAMES = ("cmp_b0001", "cmp_b0002", "cmp_b0010")
OPTIONS = "canvas_options.band=0.05"


@pytest.fixture
def folder(asap, sims_run: Path, bank: Path, facades: Path, tmp_path: Path) -> Path:
    """Three layouts in ``in``, translated into ``out`` by ``asap predict``."""
    (tmp_path / "in").mkdir()
    for name in NAMES:
        shutil.copy(facades / f"base/{name}.png", tmp_path / "in")
    (tmp_path / "list.txt").write_text("".join(f"in/{name}.png\n" for name in NAMES))
    call = ("predict", f"ckpt={sims_run}", "input=in", "output=out", "device=cpu", f"bank={bank}", OPTIONS)
    outcome = asap(*call)
    assert outcome.code == 0, outcome.err
    return tmp_path


def image(path: Path | io.BytesIO) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_a_list_has_a_manifest_and_another_bank_is_another_recipe(asap, folder, sims_run, bank) -> None:
    call = ("predict", f"ckpt={sims_run}", "input=list.txt", "output=listed", "device=cpu", f"bank={bank}")
    outcome = asap(*call, OPTIONS)
    assert outcome.code == 0, outcome.err
    for name in NAMES:
        np.testing.assert_array_equal(
            image(folder / f"listed/in/{name}.png"), image(folder / f"out/{name}.png")
        )
    outcome = asap(*call, OPTIONS)
    assert outcome.code == 0 and "3 of 3 pictures there already" in outcome.err
    outcome = asap(*call, "canvas_options.band=0.2")
    assert outcome.code == 2 and "with another checkpoint or other options" in outcome.err
    outcome = asap(*call, OPTIONS, "bank=nowhere")
    assert outcome.code == 2 and "nowhere: there is no such folder" in outcome.err


def test_shards_are_read(asap, folder, sims_run, bank, facades) -> None:
    source = ("data=facades", f"data.root={facades}", "data.layout.split=ratio")
    assert asap("data", "shard", *source, "out=shards").code == 0
    call = ("predict", f"ckpt={sims_run}", "input=shards", "batch.split=val", "output=sharded", "device=cpu")
    outcome = asap(*call, f"bank={bank}", OPTIONS)
    assert outcome.code == 0, outcome.err
    (row,) = map(json.loads, (folder / "sharded/manifest.jsonl").read_text().splitlines())
    made = image(folder / "sharded" / row["file"])
    np.testing.assert_array_equal(made, image(folder / f"out/{row['name']}.png"))


def test_rays_workers_open_the_bank_themselves_and_only_the_same_one(
    folder, sims_run, bank, tmp_path
) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    import pickle

    setup, entries = prepared(sims_run, bank)
    batch = pyarrow.table({"unit": [pickle.dumps(Unit(0, tuple(entries)))]})
    (rows,) = RayWorker(pickle.loads(pickle.dumps(setup)))(batch)["rows"]
    assert [row.status for row in pickle.loads(rows)] == ["done"] * 3
    for name in NAMES:
        np.testing.assert_array_equal(image(folder / f"ray/in/{name}.png"), image(folder / f"out/{name}.png"))
    other = replace(setup, canvas_identity={**setup.canvas_identity, "bank": "0" * 64})
    (text,) = RayWorker(other)(batch)["rows"]
    assert "is another memory bank here" in pickle.loads(text)
    (text,) = RayWorker(replace(setup, canvas={**setup.canvas, "bank": str(tmp_path / "gone")}))(batch)[
        "rows"
    ]
    assert "there is no such folder" in pickle.loads(text)


def prepared(run: Path, bank: Path):
    """What workers are started with, as the command makes it."""
    from hydra import compose, initialize_config_dir

    from asap_lightning.configuration.configs import conf_dir
    from asap_lightning.configuration.plain import plain
    from asap_lightning.configuration.resolvers import register_resolvers
    from asap_lightning.inference.sources import find_model

    register_resolvers()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        words = ["input=list.txt", "output=ray", "device=cpu", f"bank={bank}", OPTIONS, "engine=ray"]
        config = compose("predict", words)
    setup, entries, refused = predict_batch.prepared(plain(config), find_model(run))
    assert not refused
    return setup, entries


def test_the_server_answers_as_predict_does_to_many_at_once(folder, sims_run, bank) -> None:
    pytest.importorskip("fastapi")
    from starlette.testclient import TestClient

    from asap_lightning.app.application import make_app
    from asap_lightning.app.card import ModelCard
    from asap_lightning.inference.sources import find_model

    settings = {"device": "cpu", "weights": "auto", "bank": str(bank), "canvas_options": {"band": 0.05}}
    translator = serve.loaded(find_model(sims_run), settings)
    assert isinstance(translator.composer, Canvases)
    mapped = translator.composer.bank
    with TestClient(make_app(translator, ModelCard.of(translator, "sims"))) as client:

        def ask(name: str) -> NDArray[np.uint8]:
            answer = client.post("/translate", files={"image": (folder / f"in/{name}.png").read_bytes()})
            assert answer.status_code == 200, answer.text
            return image(io.BytesIO(answer.content))

        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(ask, NAMES * 2))
    assert translator.composer.bank is mapped
    with ThreadPoolExecutor(3) as pool:  # nor do threads that share a translator get in each other's way
        shared = list(pool.map(lambda name: np.asarray(translator(folder / f"in/{name}.png")), NAMES * 2))
    for name, answer, own in zip(NAMES * 2, answers, shared, strict=True):
        np.testing.assert_array_equal(answer, image(folder / f"out/{name}.png"))
        np.testing.assert_array_equal(own, answer)


def test_a_video_has_a_canvas_for_every_frame(asap, folder, sims_run, bank) -> None:
    pytest.importorskip("av")
    outcome = asap(
        "video", f"ckpt={sims_run}", "input=in", "output=frames", "device=cpu", f"bank={bank}", OPTIONS
    )
    assert outcome.code == 0, outcome.err
    made = sorted((folder / "frames").glob("*.png"))
    assert len(made) == len(NAMES)
    for frame, name in zip(made, NAMES, strict=True):
        np.testing.assert_array_equal(image(frame), image(folder / f"out/{name}.png"))


@pytest.mark.parametrize(
    "words",
    [("serve", "port=0"), ("video", "input=in", "output=x"), ("predict", "input=list.txt", "output=x")],
)
def test_banks_and_options_that_do_not_fit_are_one_line(asap, folder, sims_run, trained, bank, words) -> None:
    for more, said in (
        ((f"ckpt={sims_run}", "bank=nowhere"), "nowhere: there is no such folder"),
        ((f"ckpt={sims_run}", f"bank={bank}", "canvas_options.band=7"), "canvas_options.band=7"),
        ((f"ckpt={trained}", f"bank={bank}"), "completes no canvas: leave bank out"),
    ):
        outcome = asap(*words, *more)
        assert outcome.code == 2 and said in outcome.err and "Traceback" not in outcome.err


def test_options_are_the_trainings_unless_given(sims_run: Path) -> None:
    from asap_lightning.inference import Translator

    translator = Translator.load(sims_run, device="cpu")
    made = canvas_settings(translator, {"bank": "b", "canvas_options": {"band": 0.5, "context": None}})
    trained = translator.description.data["canvas_options"]
    assert made["canvas_options"] == {**trained, "band": 0.5} and made["bank"] == "b"
    translator.description = None
    assert canvas_settings(translator, {"bank": "b", "canvas_options": {}})["canvas_options"] == {}
    with pytest.raises(UserError, match="no bank is given"):
        translator.require_canvases()
