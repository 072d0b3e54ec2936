"""What is refused before anything is written, weights alone, folders for a hub, and the command."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import models
from asap_lightning import cli
from asap_lightning.checkpoint import ENTRY
from asap_lightning.errors import UserError
from asap_lightning.export import Wish, export_model, verify
from asap_lightning.inference import Translator
from asap_lightning.inference.loading import load_model


def export(folder, wish, system="asap"):
    return export_model(models.made(system), models.description(system), folder, wish)


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (
            {"format": "keras"},
            "format=keras: one of onnx, torchscript, aoti, safetensors, hub, web was expected",
        ),
        ({"format": "onnx", "precision": "int4"}, "precision=int4: one of float32, float16, int8"),
        (
            {"format": "aoti", "precision": "int8"},
            "precision=int8 is not for format=aoti: float32 was expected",
        ),
        ({"format": "onnx", "style": "photo"}, "style=photo: one of code, guide was expected"),
    ],
)
def test_wishes_that_cannot_be_met_are_refused(wish, message):
    with pytest.raises(UserError, match=message):
        Wish(**wish)


def test_an_earlier_export_is_not_replaced_unasked(tmp_path):
    export(tmp_path, Wish("torchscript"))
    before = (tmp_path / "model.pt").read_bytes()
    with pytest.raises(UserError, match=r"holds model.pt and export.json already; overwrite=true"):
        export(tmp_path, Wish("torchscript"))
    assert (tmp_path / "model.pt").read_bytes() == before
    export(tmp_path, Wish("torchscript", overwrite=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export.json", "model.pt"]


def test_an_output_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file; a folder was expected"):
        export(tmp_path / "file", Wish("torchscript"))
    with pytest.raises(UserError, match="cannot be written: Not a directory"):
        export(tmp_path / "file" / "below", Wish("torchscript"))


def test_errors_that_are_too_large_leave_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(verify.MOST_ERROR, "float32", -1.0)
    with pytest.raises(UserError, match=r"differs from the model by up to .* nothing was written"):
        export(tmp_path / "out", Wish("torchscript"))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_model_file_is_loaded_by_the_translator(tmp_path, precision):
    made = export(tmp_path, Wish("safetensors", precision=precision))
    assert made.path.name == "model.safetensors"
    stored = load_file(made.path)
    assert {str(value.dtype) for value in stored.values()} == {f"torch.{precision}"}
    label = np.random.default_rng(0).integers(0, 4, (20, 24))
    expected = Translator.from_generator(models.made("asap"), device="cpu")(label)
    image = Translator.load(made.path, device="cpu")(label)
    assert np.abs(image.astype(int) - expected).max() <= (1 if precision == "float32" else 8)


def test_a_folder_for_a_hub_has_weights_configuration_card_and_preview(tmp_path):
    report = tmp_path / "metrics.json"
    report.write_text(json.dumps({"images": 40, "metrics": {"psnr": 17.25}}))
    card = {"title": "Doors", "license": "Apache-2.0", "data": "Drawn doors.", "metrics": str(report)}
    folder = tmp_path / "hub"
    export(folder, Wish("hub", card=card))
    names = ["README.md", "config.json", "export.json", "model.safetensors", "preview.png"]
    assert sorted(path.name for path in folder.iterdir()) == names
    text = (folder / "README.md").read_text()
    assert text.startswith('---\nlicense: "Apache-2.0"\n')
    for part in ("# Doors", "Drawn doors.", "| psnr | 17.25 |", "On 40 images", "| 1 | door |", "CVPR 2021"):
        assert part in text, part
    assert json.loads((folder / "config.json").read_text())["classes"][1] == "door"
    assert Translator.load(folder, device="cpu")(np.zeros((8, 8), np.uint8)).shape == (8, 8, 3)


def test_metrics_that_are_no_report_are_refused(tmp_path):
    report = tmp_path / "metrics.json"
    report.write_text("[]")
    with pytest.raises(UserError, match="no report of 'asap evaluate'"):
        export(tmp_path / "hub", Wish("hub", card={"metrics": str(report)}))
    assert list((tmp_path / "hub").iterdir()) == []


@pytest.fixture
def checkpoint(tmp_path):
    generator, description = models.made("asap"), models.description("asap")
    state = {f"generator.{key}": value for key, value in generator.state_dict().items()}
    torch.save({"state_dict": state, ENTRY: description.as_dict()}, tmp_path / "model.ckpt")
    return tmp_path / "model.ckpt"


def test_the_command_prints_the_errors(checkpoint, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    words = ["export", f"ckpt={checkpoint}", "format=torchscript", "output=out"]
    assert cli.main(words) == 0
    said = capfd.readouterr().out
    assert "model.pt beside the model" in said and "MiB" in said
    assert cli.main(words) == 2
    assert "overwrite=true" in capfd.readouterr().err


def test_a_model_file_says_which_weights_it_has(checkpoint, tmp_path, monkeypatch):
    """Those of a training without averages are raw ones, also where the choice was left open."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["export", f"ckpt={checkpoint}", "format=safetensors", "output=out"]) == 0
    for weights in ("auto", "raw"):
        assert load_model(tmp_path / "out/model.safetensors", weights)[2] == "raw"
