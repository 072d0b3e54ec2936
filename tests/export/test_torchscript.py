"""Every generator as TorchScript; what the file says of itself; what it refuses."""

import json
import zipfile

import numpy as np
import pytest
import torch

import models
from asap_lightning.errors import UserError
from asap_lightning.export import Wish, export_model, load_exported

# torch recommends its newer format; libtorch in C++ and older versions read this one
pytestmark = pytest.mark.filterwarnings(r"ignore:`torch\.jit\.\w+` is deprecated:FutureWarning")
LABEL = np.random.default_rng(0).integers(0, 4, (2, 20, 27), dtype=np.int32)


@pytest.mark.parametrize("system", models.SYSTEMS)
def test_every_generator_is_written_run_back_and_compared(system, tmp_path):
    made = export_model(models.made(system), models.description(system), tmp_path, Wish("torchscript"))
    assert {(entry.batch, entry.content) for entry in made.comparisons} == {
        (1, "random"), (2, "random"), (1, "areas"), (2, "areas"),
    }  # fmt: skip
    assert max(entry.max_error for entry in made.comparisons) < 1e-4
    sizes = {(entry.height, entry.width) for entry in made.comparisons}
    assert len(sizes) == (1 if system == "SPADE, style" else 2)
    report = json.loads((tmp_path / "export.json").read_text())
    assert report["file"] == "model.pt" and report["bytes"] == made.path.stat().st_size
    assert len(report["comparisons"]) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["export.json", "model.pt"]


def test_the_file_needs_nothing_of_this_package(script_folder):
    with zipfile.ZipFile(script_folder / "model.pt") as archive:
        code = b"".join(archive.read(name) for name in archive.namelist() if name.endswith(".py"))
    assert b"torch" in code and b"ops.asap" not in code


def test_the_metadata_tells_classes_sizes_and_inputs(script_folder):
    about = load_exported(script_folder / "model.pt").about
    assert about["classes"] == ["wall", "door", "sky", "unknown"]
    assert len(about["palette"]) == 4 and about["palette"][3] == [0, 0, 0]
    assert (about["s1"], about["s2"], about["tile"]) == (1, 4, 4)
    assert about["sizes"]["any"] and about["sizes"]["multiple"] == 4
    assert [entry["name"] for entry in about["inputs"]] == ["label"]


def test_labels_of_any_integer_type_are_taken_and_floats_refused(script_folder):
    model = load_exported(script_folder / "model.pt")
    image = model(label=LABEL)
    assert image.dtype == np.float32 and image.shape == (2, 3, 20, 27)
    for dtype in (np.uint8, np.int16, np.uint16, np.int64):
        assert np.array_equal(model(label=LABEL.astype(dtype)), image)
    with pytest.raises(UserError, match="label holds float32; whole numbers were expected"):
        model(label=LABEL.astype(np.float32))
    alone = torch.jit.load(script_folder / "model.pt")
    with pytest.raises(RuntimeError, match="bitwise_and"):
        alone(torch.from_numpy(LABEL.astype(np.float32)))
    with pytest.raises(RuntimeError, match="out of bounds"):
        alone(torch.full((1, 8, 8), 4, dtype=torch.int32))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "takes the inputs label; got none"),
        ({"label": LABEL, "image": LABEL}, "takes the inputs label; got label, image"),
        ({"label": LABEL[0]}, r"\(20, 27\); \(batch, height, width\) was expected"),
        ({"label": LABEL[:, :0]}, r"\(2, 0, 27\); \(batch, height, width\) was expected"),
        ({"label": LABEL + 1}, r"label holds \[4\]; class ids 0 to 3"),
        ({"label": LABEL.astype(np.int64) - 2**32}, "label holds"),
        ({"label": np.zeros((1, 1, 16385), np.uint8)}, "more than 16384 pixels"),
    ],
)
def test_what_the_model_was_not_made_for_is_refused(script_folder, values, message):
    with pytest.raises(UserError, match=message):
        load_exported(script_folder / "model.pt")(**values)


def test_a_fixed_size_is_named_in_the_metadata_and_the_error(tmp_path):
    system = "SPADE, style"
    made = export_model(models.made(system), models.description(system), tmp_path, Wish("torchscript"))
    assert made.about["sizes"] == {
        "any": False,
        "height": 64,
        "width": 96,
        "refused": "every size but 64 x 96 (height x width), which the model was built for",
    }
    style = np.zeros((1, 4), np.float32)
    with pytest.raises(UserError, match="it refuses every size but 64 x 96"):
        load_exported(made.path)(label=np.zeros((1, 64, 64), np.uint8), style=style)


def test_files_that_are_no_exports_are_refused(tmp_path):
    missing, text, other = tmp_path / "none.pt", tmp_path / "model.txt", tmp_path / "model.pt"
    text.write_text("hello")
    other.write_bytes(b"PK\x03\x04 nothing of the kind")
    for path, message in (
        (missing, "there is no such file"),
        (text, "its name ends in '.txt'"),
        (other, "cannot be loaded"),
    ):
        with pytest.raises(UserError, match=message):
            load_exported(path)
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), str(other))
    with pytest.raises(UserError, match="is not a file of 'asap export'"):
        load_exported(other)
