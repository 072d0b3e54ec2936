"""Conditions made from photos: the makers, and the folder of photos that uses them."""

import sys

import numpy as np
import pytest
from PIL import Image

from asap_lightning.data.computed_conditions import canny_edges, find_maker, grey, low_light, soft_edges
from asap_lightning.data.layouts import Photos
from asap_lightning.errors import UserError


@pytest.fixture
def square():
    """Black on white: its edges are known."""
    photo = np.full((40, 40, 3), 255, np.uint8)
    photo[10:30, 10:30] = 0
    return photo


def test_grey_is_luma():
    photo = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    assert grey(photo)[0, :, 0].tolist() == [76, 150, 29, 255]


@pytest.mark.parametrize("maker", [canny_edges, soft_edges])
def test_edges_are_dark_lines_where_the_picture_changes(square, maker):
    edges = maker(square)
    assert edges.shape == (40, 40, 1) and edges.dtype == np.uint8
    assert edges[20, 8:13].min() < 60 and edges[8:13, 20].min() < 60
    assert edges[20, 20] == 255 and edges[3, 3] == 255


def test_low_light_is_darker_and_keeps_the_order():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, -1)
    dark = low_light(ramp)
    assert (dark <= ramp).all() and (np.diff(dark[0, :, 0].astype(int)) >= 0).all()
    assert dark.max() == round(255 * 0.15 ** (1 / 2.2))
    assert len(np.unique(dark)) < 120  # detail is lost, so there is something to learn


def test_a_folder_of_photos_becomes_pairs(tmp_path, square):
    for name in "abcde":
        Image.fromarray(square).save(tmp_path / f"{name}.png")
    layout = Photos(tmp_path, make="canny", test_share=0.2)
    assert [item.name for item in layout.items("val")] == ["a"]
    assert [item.name for item in layout.items("train")] == list("bcde")
    sample = layout.read(layout.items("train")[0])
    np.testing.assert_array_equal(sample.image, canny_edges(square))
    np.testing.assert_array_equal(sample.photo, square)
    assert layout.spec.kind == "image" and layout.spec.channels == 1


def test_folders_of_splits_are_used_where_there_are_any(tmp_path, square):
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        Image.fromarray(square).save(tmp_path / split / f"{split}1.jpg")
    layout = Photos(tmp_path, make="low_light")
    assert [item.name for item in layout.items("val")] == ["test1"]
    assert layout.spec.channels == 3


def test_mistakes_are_named(tmp_path):
    with pytest.raises(UserError, match="one of grey, canny, soft_edges, low_light, onnx"):
        find_maker("sketch")
    with pytest.raises(UserError, match=r"data\.layout\.detector=FILE\.onnx"):
        find_maker("onnx")
    with pytest.raises(UserError, match="no such ONNX file"):
        find_maker("onnx", tmp_path / "absent.onnx")
    (tmp_path / "one").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "one" / "a.png")
    with pytest.raises(UserError, match="at least 2"):
        Photos(tmp_path / "one").items("train")


def test_a_detector_of_the_users_own(tmp_path, square):
    onnx = pytest.importorskip("onnx", reason="the onnx extra is not installed")
    pytest.importorskip("onnxruntime", reason="the onnx extra is not installed")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["x"], ["y"], axes=[1], keepdims=1)], "mean",
        [helper.make_tensor_value_info("x", kind, [1, 3, "h", "w"])],
        [helper.make_tensor_value_info("y", kind, [1, 1, "h", "w"])],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, tmp_path / "mean.onnx")
    maker, channels = find_maker("onnx", tmp_path / "mean.onnx")
    assert channels == 1
    np.testing.assert_array_equal(maker(square)[..., 0], 255 - square[..., 0])
    (tmp_path / "bad.onnx").write_bytes(b"not a model")
    with pytest.raises(UserError, match="cannot be opened as an ONNX model"):
        find_maker("onnx", tmp_path / "bad.onnx")[0](square)


def test_without_onnxruntime_the_message_says_what_to_install(tmp_path, square, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "m.onnx").write_bytes(b"")
    with pytest.raises(UserError, match="pip install"):
        find_maker("onnx", tmp_path / "m.onnx")[0](square)
