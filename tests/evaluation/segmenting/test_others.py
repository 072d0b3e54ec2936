"""Segmenters of other libraries and in files of their own."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from asap_lightning.errors import Unavailable, UserError
from asap_lightning.evaluation.segmenting.files import file_segmenter
from asap_lightning.evaluation.segmenting.torchvisions import torchvision_segmenter
from asap_lightning.evaluation.segmenting.transformer import transformers_segmenter
from asap_lightning.models.segmenters import Normalisation, Sizes

PICTURE = torch.randint(256, (2, 3, 32, 40), dtype=torch.uint8)


def test_torchvisions_network_with_a_local_file(tmp_path):
    from torchvision.models import get_model

    name = "lraspp_mobilenet_v3_large"
    network = get_model(name, weights=None, weights_backbone=None, num_classes=5).eval()
    torch.save({"state_dict": network.state_dict()}, tmp_path / "net.pth")
    segmenter = torchvision_segmenter(name, tmp_path / "net.pth")
    assert segmenter.classes == 5
    with torch.no_grad():
        expected = network(Normalisation()(PICTURE))["out"].argmax(1)
    assert torch.equal(segmenter(PICTURE), expected)
    torch.save({"classifier.4.weight": torch.zeros(3, 1, 1, 1)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="does not hold weights of torchvision lraspp"):
        torchvision_segmenter(name, tmp_path / "other.pth")
    torch.save({"a": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="does not hold weights"):
        torchvision_segmenter("fcn_resnet50", tmp_path / "other.pth")


def test_torchvisions_missing_weights_name_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(Unavailable) as caught:
        torchvision_segmenter("fcn_resnet50")
    assert "no file" in caught.value.reason and "get_model('fcn_resnet50'" in caught.value.command
    with pytest.raises(UserError, match="torchvision has deeplabv3"):
        torchvision_segmenter("resnet18")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_folder_of_transformers(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.SegformerConfig(
        num_labels=4, depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 8, 8], num_attention_heads=[1, 1, 1, 1],
        decoder_hidden_size=8, id2label={0: "sky", 1: "tree", 2: "sea", 3: "sand"},
    )  # fmt: skip
    network = transformers.SegformerForSemanticSegmentation(config).eval()
    network.save_pretrained(tmp_path / "net")
    size = {"height": 64, "width": 64}
    settings = {"image_mean": [0.5] * 3, "image_std": [0.25] * 3, "size": size}
    (tmp_path / "net" / "preprocessor_config.json").write_text(json.dumps(settings))
    segmenter = transformers_segmenter(str(tmp_path / "net"))
    assert (segmenter.classes, segmenter.class_names[1]) == (4, "tree")
    assert segmenter.normalisation == Normalisation((0.5,) * 3, (0.25,) * 3)
    assert segmenter.sizes == Sizes(fixed=(64, 64))
    assert segmenter(PICTURE).shape == (2, 32, 40)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no semantic-segmentation network"):
        transformers_segmenter(str(tmp_path / "empty"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_name_that_is_not_in_the_cache_is_unavailable(tmp_path, monkeypatch):
    pytest.importorskip("transformers")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Unavailable) as caught:
        transformers_segmenter("nobody/no-such-network")
    assert caught.value.command == "hf download nobody/no-such-network"


def onnx_file(path, outputs=3, sides=("h", "w"), rank=4):
    onnx = pytest.importorskip("onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    weight = np.arange(outputs * 3, dtype=np.float32).reshape(outputs, 3, 1, 1) % 4
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"])],
        "net",
        [helper.make_tensor_value_info("x", kinds.FLOAT, [1, 3, *sides][:rank])],
        [helper.make_tensor_value_info("y", kinds.FLOAT, [1, outputs, *sides][:rank])],
        [onnx.numpy_helper.from_array(weight if rank == 4 else weight[..., 0], "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return torch.from_numpy(weight)


def test_an_onnx_file(tmp_path):
    pytest.importorskip("onnxruntime")
    weight = onnx_file(tmp_path / "net.onnx")
    plain = Normalisation((0.0,) * 3, (1.0,) * 3)
    segmenter = file_segmenter(tmp_path / "net.onnx", plain)
    assert segmenter.classes == 3
    expected = nn.functional.conv2d(PICTURE.float() / 255, weight).argmax(1)
    assert (segmenter(PICTURE) == expected).float().mean() > 0.99
    onnx_file(tmp_path / "fixed.onnx", sides=(16, 24))
    assert file_segmenter(tmp_path / "fixed.onnx").sizes == Sizes(fixed=(16, 24))
    onnx_file(tmp_path / "flat.onnx", sides=("h",), rank=3)
    with pytest.raises(UserError, match=r"one input \(B, 3, H, W\) of float32 was expected"):
        file_segmenter(tmp_path / "flat.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(UserError, match="no ONNX file that can be run"):
        file_segmenter(tmp_path / "bad.onnx")


@pytest.mark.filterwarnings("ignore:.*torch.jit.*")
def test_a_torchscript_file_is_run_only_for_whom_typed_it(tmp_path):
    script = torch.jit.trace(nn.Conv2d(3, 4, 1).eval(), torch.zeros(1, 3, 8, 8))
    path = tmp_path / "net.pt"
    script.save(str(path))
    with pytest.raises(UserError, match="is a program, and running it is trusting it"):
        file_segmenter(path)
    assert file_segmenter(path, runs_code=True)(PICTURE).shape == (2, 32, 40)
    path.write_bytes(b"not at all")
    with pytest.raises(UserError, match="is no TorchScript file"):
        file_segmenter(path, runs_code=True)
    with pytest.raises(UserError, match="no such file"):
        file_segmenter(tmp_path / "absent.onnx")


@pytest.mark.filterwarnings("ignore:.*torch.jit.*")
def test_an_answer_that_is_no_scores_is_refused(tmp_path):
    path = tmp_path / "net.pt"
    torch.jit.trace(nn.Flatten().eval(), torch.zeros(1, 3, 8, 8)).save(str(path))
    with pytest.raises(UserError, match=r"scores \(B, classes, height, width\) were expected"):
        file_segmenter(path, runs_code=True)
