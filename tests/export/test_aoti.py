"""AOTInductor: compiled, loaded in a fresh process, and compared; minutes, so long."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import models
from asap_lightning.errors import UserError
from asap_lightning.export import Wish, export_model, load_exported
from asap_lightning.export.graph import TranslationGraph
from asap_lightning.export.loaded import ExportedModel
from asap_lightning.export.metadata import sizes_of
from asap_lightning.export.program import example_size


def test_without_a_compiler_the_message_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(UserError, match=r"format=aoti compiles C\+\+, but there is no compiler 'g\+\+' here"):
        export_model(models.made("asap"), models.description("asap"), tmp_path / "out", Wish("aoti"))


def test_sims_takes_multiples_that_nobody_pads():
    graph = TranslationGraph(models.made("SIMS"), pads=False)
    sizes = sizes_of(graph)
    assert graph.exact and graph.generator.even and (sizes["multiple"], sizes["smallest"]) == (64, 128)
    assert example_size(graph) == (192, 256)
    spec = {"has_unknown": True}
    inputs = [{**entry.as_dict(), "range": [-1000, 1000]} for entry in graph.inputs]
    model = ExportedModel(
        Path("m.pt2"), {"inputs": inputs, "sizes": sizes, "spec": spec}, lambda given: given[1]
    )
    label, canvas = np.zeros((1, 128, 192), np.int32), np.ones((1, 4, 128, 192), np.float32)
    assert model(label=label, canvas=canvas).shape == canvas.shape
    for height, width in ((127, 192), (64, 128)):
        wrong = {"label": label[:, :height, :width], "canvas": canvas[..., :height, :width]}
        with pytest.raises(
            UserError, match="refuses sides that are no multiples of 64, or of fewer than 128"
        ):
            model(**wrong)
    plain = TranslationGraph(models.made("SIMS"))
    assert not plain.exact and not plain.generator.even and sizes_of(plain)["smallest"] == 65


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
@pytest.mark.parametrize("system", ["asap", "SIMS"])
def test_it_is_compiled_and_runs_in_a_fresh_process(tmp_path, system):
    made = export_model(models.made(system), models.description(system), tmp_path, Wish("aoti"))
    assert max(entry.max_error for entry in made.comparisons) < 1e-5
    model = load_exported(made.path)
    assert model.about["file_format"] == "aoti" and model.about["torch"]
    canvas = {"canvas": np.zeros((1, 4, 128, 128), np.float32)} if system == "SIMS" else {}
    with pytest.raises(UserError, match=r"label holds \[9\]"):
        model(label=np.full((1, 128, 128), 9), **canvas)
