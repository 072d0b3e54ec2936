"""AOTInductor: compiled, loaded in a fresh process, and compared; minutes, so long."""

import shutil

import numpy as np
import pytest

import models
from asap_lightning.errors import UserError
from asap_lightning.export import Wish, export_model, load_exported


def test_without_a_compiler_the_message_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(UserError, match=r"format=aoti compiles C\+\+, but there is no compiler 'g\+\+' here"):
        export_model(models.made("asap"), models.description("asap"), tmp_path / "out", Wish("aoti"))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
def test_it_is_compiled_and_runs_in_a_fresh_process(tmp_path):
    made = export_model(models.made("asap"), models.description("asap"), tmp_path, Wish("aoti"))
    assert max(entry.max_error for entry in made.comparisons) < 1e-5
    model = load_exported(made.path)
    assert model.about["file_format"] == "aoti" and model.about["torch"]
    with pytest.raises(UserError, match=r"label holds \[9\]"):
        model(label=np.full((1, 16, 16), 9))
