"""ONNX: the small ASAP-Net in ONNX Runtime, what the file says and refuses; every generator takes long."""

import json
import shutil

import numpy as np
import pytest
import torch

import models
from asap_lightning.building import build
from asap_lightning.checkpoint import ModelDescription
from asap_lightning.errors import UserError
from asap_lightning.export import Wish, export_model, export_onnx, load_exported, onnx_pixelwise
from asap_lightning.export.graph import TranslationGraph
from asap_lightning.export.metadata import KEY
from asap_lightning.export.precision import in_precision
from asap_lightning.export.verify import reference_image
from asap_lightning.ops.layout import MlpLayout

runtime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.timeout(900)  # the first waits for the export, minutes on a machine that is shared


def session(path):
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def test_the_file_was_compared_at_two_sizes_and_two_batch_sizes(onnx_folder):
    report = json.loads((onnx_folder / "export.json").read_text())
    entries = report["comparisons"]
    assert {entry["batch"] for entry in entries} == {1, 2}
    assert len({(entry["height"], entry["width"]) for entry in entries}) == 2
    assert max(entry["max_error"] for entry in entries) < 1e-5
    assert report["file_format"] == "onnx" and report["file"] == "model.onnx"


@pytest.mark.parametrize("size", [(1, 64, 64), (3, 33, 47), (1, 1, 1), (2, 5, 130)])
def test_any_batch_height_and_width_is_taken(onnx_folder, size):
    label = torch.randint(4, size, dtype=torch.int32)
    (image,) = session(onnx_folder / "model.onnx").run(None, {"label": label.numpy()})
    with torch.no_grad():
        expected = TranslationGraph(models.made("asap"))(label)
    assert image.shape == (size[0], 3, *size[1:])
    assert np.abs(image - expected.numpy()).max() < 1e-5


@pytest.mark.parametrize("wrong", [-1, -4, 4, 254, 256, 2**31 - 1])
def test_ids_outside_the_classes_are_refused_by_the_graph_itself(onnx_folder, wrong):
    label = np.zeros((1, 16, 16), np.int32)
    label[0, 3, 9] = wrong
    with pytest.raises(Exception, match=r"out of (data )?bounds|invalid index"):
        session(onnx_folder / "model.onnx").run(None, {"label": label})


def test_other_types_are_refused_and_255_is_unknown(onnx_folder):
    made = session(onnx_folder / "model.onnx")
    label = np.random.default_rng(0).integers(0, 4, (1, 16, 16), dtype=np.int32)
    for dtype in (np.int64, np.uint8, np.float32):
        with pytest.raises(Exception, match="Unexpected input data type"):
            made.run(None, {"label": label.astype(dtype)})
    images = [
        made.run(None, {"label": ids})[0] for ids in (label, np.where(label == 3, 255, label).astype("i4"))
    ]
    assert np.array_equal(*images)


def test_the_file_describes_itself_and_names_nothing_of_this_machine(onnx_folder):
    content = (onnx_folder / "model.onnx").read_bytes()
    model = onnx.load_from_string(content)
    onnx.checker.check_model(model)
    (entry,) = model.metadata_props
    about = json.loads(entry.value)
    assert entry.key == KEY and about["classes"] == ["wall", "door", "sky", "unknown"]
    assert [value.name for value in model.graph.input] == ["label"]
    assert [value.name for value in model.graph.output] == ["translated"]
    assert model.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.INT32
    assert b"site-packages" not in content and str(onnx_folder).encode() not in content


def test_the_loader_checks_an_onnx_file_too(onnx_folder, tmp_path):
    model = load_exported(onnx_folder / "model.onnx", threads=1)
    label = np.random.default_rng(0).integers(0, 4, (1, 9, 13), dtype=np.uint8)
    assert model(label=label).shape == (1, 3, 9, 13)
    with pytest.raises(UserError, match=r"label holds \[4\]"):
        model(label=label + 1)
    broken = shutil.copy(onnx_folder / "model.onnx", tmp_path / "broken.onnx")
    broken.write_bytes(broken.read_bytes()[:-2000])
    with pytest.raises(UserError, match=r"broken\.onnx cannot be loaded"):
        load_exported(broken)


@pytest.mark.parametrize(("precision", "most"), [("float16", 0.02), ("int8", 0.5)])
def test_smaller_files_stay_close(onnx_folder, tmp_path, precision, most):
    smaller = in_precision(onnx.load(onnx_folder / "model.onnx"), precision)
    onnx.checker.check_model(smaller)
    onnx.save(smaller, tmp_path / "smaller.onnx")
    label = np.random.default_rng(0).integers(0, 4, (1, 32, 40), dtype=np.int32)
    images = [
        session(path).run(None, {"label": label})[0]
        for path in (onnx_folder / "model.onnx", tmp_path / "smaller.onnx")
    ]
    assert 0 < np.abs(images[0] - images[1]).max() < most


def test_weights_beyond_float16_are_refused(onnx_folder):
    model = onnx.load(onnx_folder / "model.onnx")
    large = next(tensor for tensor in model.graph.initializer if np.prod(tensor.dims) >= 256)
    values = onnx.numpy_helper.to_array(large).copy()
    values.flat[0] = 1e6
    large.CopyFrom(onnx.numpy_helper.from_array(values, large.name))
    with pytest.raises(UserError, match="are beyond its range; use float32"):
        in_precision(model, "float16")


def test_without_the_libraries_the_message_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr("asap_lightning.export.onnx_file.find_spec", lambda name: None)
    with pytest.raises(
        UserError, match=r"format=onnx needs the library onnx: pip install 'asap-lightning\[onnx\]'"
    ):
        export_onnx(models.made("asap"), None, tmp_path / "model.onnx")


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("style", ["code", "guide"])
@pytest.mark.parametrize("system", models.SYSTEMS)
def test_every_generator_is_written_run_back_and_compared(system, style, tmp_path):
    generator = models.made(system, models.EDGES)
    if style == "guide" and not generator.takes_guide:
        pytest.skip("it has no encoder")
    wish = Wish("onnx", style=style)
    made = export_model(generator, models.description(system, models.EDGES), tmp_path, wish)
    assert max(entry.max_error for entry in made.comparisons) < 1e-3


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("spec", [models.PICTURES, models.DEPTHS], ids=["pictures", "depths"])
def test_pictures_and_depths_are_translated(spec, tmp_path):
    made = export_model(models.made("asap", spec), models.description("asap", spec), tmp_path, Wish("onnx"))
    assert max(entry.max_error for entry in made.comparisons) < 1e-5


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_crn_of_the_papers_depth_at_its_smallest_sizes(tmp_path):
    """Its coarsest module sees one row there, which an exporter likes to take for granted, or to rule out."""
    node = {"_target_": "asap_lightning.models.CrnGenerator", "height": 256, "width": 8}
    torch.manual_seed(0)
    generator = build(node, "generator", spec=models.LABELS).eval()
    made = export_model(generator, ModelDescription(models.LABELS.as_dict(), node), tmp_path, Wish("onnx"))
    graph, exported = TranslationGraph(generator), load_exported(made.path)
    for size in ((33, 33), (33, 64), (65, 66), (100, 47)):
        label = torch.randint(0, 4, (2, *size), dtype=torch.int32)
        expected = reference_image(generator, graph, [label]).numpy()
        assert np.abs(exported(label=label.numpy()) - expected).max() < 1e-4, size


@pytest.mark.parametrize("depth", [2, 5, 9])
def test_no_operation_has_more_values_than_a_browsers_gpu_takes(depth):
    """WebGPU promises a shader 8 buffers; more would send the page back to WebAssembly."""
    layout = MlpLayout(4, width=8, depth=depth, num_classes=3, image_channels=2)
    for node in onnx_pixelwise._row(layout).node:
        assert len(node.input) + len(node.output) <= 8, node


def test_the_small_model_fits_a_browsers_gpu(onnx_folder):
    graphs = [onnx.load(onnx_folder / "model.onnx").graph]
    while graphs:
        for node in graphs.pop().node:
            inner = [attribute.g for attribute in node.attribute if attribute.HasField("g")]
            graphs += inner
            assert inner or len(node.input) + len(node.output) <= 8, node.name
