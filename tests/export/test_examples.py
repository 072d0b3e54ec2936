"""The examples in C++ and JavaScript: built, run, and their pictures compared with the model's."""

import shutil
import subprocess

import numpy as np
import pytest
import torch
from PIL import Image

import models
from asap_lightning.inference import Translator

LABEL = np.random.default_rng(5).integers(0, 4, (6, 9), dtype=np.uint8).repeat(6, 0).repeat(5, 1)


@pytest.fixture
def label_file(tmp_path):
    path = tmp_path / "label.pgm"
    Image.fromarray(LABEL).save(path)
    return path


def check(picture):
    expected = Translator.from_generator(models.made("asap"), device="cpu")(LABEL)
    made = np.asarray(Image.open(picture))
    assert made.shape == expected.shape
    assert np.abs(made.astype(int) - expected).max() <= 1


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True)


def test_javascript_translates(repository, onnx_folder, label_file, tmp_path):
    example = repository / "examples" / "javascript"
    if shutil.which("node") is None or not (example / "node_modules" / "onnxruntime-web").is_dir():
        pytest.skip("node is not here, or 'npm install' was not run in examples/javascript")
    program, model = example / "translate.mjs", onnx_folder / "model.onnx"
    done = run("node", program, model, label_file, tmp_path / "picture.ppm")
    assert done.returncode == 0, done.stderr
    check(tmp_path / "picture.ppm")
    Image.fromarray(LABEL + 1).save(label_file)
    done = run("node", program, model, label_file, tmp_path / "wrong.ppm")
    assert done.returncode == 2 and not (tmp_path / "wrong.ppm").exists()


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not (shutil.which("g++") and shutil.which("cmake")), reason="g++ or cmake is not here")
def test_cpp_is_built_and_translates(repository, script_folder, label_file, tmp_path):
    build, torch_folder = tmp_path / "build", torch.__path__[0]
    done = run("cmake", "-S", repository / "examples" / "cpp", "-B", build, f"-DTORCH={torch_folder}")
    assert done.returncode == 0, done.stderr
    done = run("cmake", "--build", build)
    assert done.returncode == 0, done.stderr + done.stdout
    program, model = build / "translate", script_folder / "model.pt"
    done = run(program, model, label_file, tmp_path / "picture.ppm")
    assert done.returncode == 0, done.stderr
    check(tmp_path / "picture.ppm")
    Image.fromarray(LABEL + 1).save(label_file)
    done = run(program, model, label_file, tmp_path / "wrong.ppm")
    assert done.returncode == 2 and "out of bounds" in done.stderr
    assert not (tmp_path / "wrong.ppm").exists()
