"""Published segmenters: their files, and recordings of their authors' programs."""

import struct

import pytest
import torch

from asap_lightning.errors import UserError
from asap_lightning.interop.formula_weights import formula_weights
from asap_lightning.interop.segmenters import load_segmenter, published_files
from asap_lightning.interop.systems import segmenters
from asap_lightning.interop.verify import table, verify
from asap_lightning.models.segmenters import DeepLabV2, DilatedResnet, Fcn8s, UPerNet
from asap_lightning.models.segmenters.published import PUBLISHED

QUICK = ("drn_tiny_bottleneck", "drn_d_22")
WHOLE = ("drn_d_105", "deeplabv2_resnet101_msc", "upernet_resnet101")


@pytest.fixture
def recordings(shared_dir):
    folder = shared_dir / "reference2"
    if not folder.is_dir():
        pytest.skip("the second set of recordings (../shared/reference2) is not here")
    return folder


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in WHOLE)])
def test_recorded_outputs_agree(name, recordings):
    rows = verify(recordings / f"{name}.pt")
    recorded = torch.load(recordings / f"{name}.pt", weights_only=True)["outputs"]
    assert {row.output for row in rows} == set(recorded)
    assert all(row.verdict == "agrees" for row in rows), table(rows)


def randomized(network):
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
            elif not name.endswith("num_batches_tracked"):
                value.normal_(0, 0.2)
    return network.eval()


def drn():
    return DilatedResnet(19, depths=(1, 2, 1, 2, 1, 1, 1, 2, 1), widths=(2, 2, 2, 2, 2, 2, 2, 2, 2))


def write_caffe(path, layers, old=False):
    """A NetParameter of (name, blobs), as Caffe writes them."""

    def field(number, content):
        return varint(number << 3 | 2) + varint(len(content)) + content

    def varint(value):
        out = b""
        while value > 127:
            out += bytes([value & 127 | 128])
            value >>= 7
        return out + bytes([value])

    def blob(tensor):
        data = field(5, struct.pack(f"<{tensor.numel()}f", *tensor.flatten().tolist()))
        if old:
            sides = [1] * (4 - tensor.dim()) + list(tensor.shape)
            return b"".join(varint(i << 3) + varint(side) for i, side in enumerate(sides, start=1)) + data
        return data + field(7, field(1, b"".join(map(varint, tensor.shape))))

    name_field, blob_field, layer_field = (4, 6, 2) if old else (1, 7, 100)
    content = field(1, b"the net's name")
    for name, blobs in (("data", []), *layers):
        inner = field(name_field, name.encode()) + b"".join(field(blob_field, blob(b)) for b in blobs)
        content += field(layer_field, inner)
    path.write_bytes(content)


def caffe_layers(network):
    return [
        (name, [p.detach() for p in network.get_submodule(name).parameters()])
        for name in segmenters._in_order(network)
    ]


def fcn():
    stages = ((2, 2), (3, 2), (4, 3), (5, 3), (5, 3))
    return Fcn8s(20, stages=stages, hidden=6)


def saved(name, folder, prefix=""):
    """A tiny network of the kind, written as its authors published theirs; the network, the path."""
    if name == "fcn8s":
        network = randomized(fcn())
        write_caffe(folder / "net.caffemodel", caffe_layers(network))
        return network, folder / "net.caffemodel"
    network, names = {
        "drn_d_105": (drn, segmenters.drn_names),
        "deeplabv2": (lambda: DeepLabV2(182, blocks=(1, 1, 2, 1), width=4), segmenters.deeplab_names),
        "upernet101": (
            lambda: UPerNet(150, blocks=(1, 1, 2, 1), width=4, pyramid=6),
            segmenters.upernet_names,
        ),
    }[name]
    network = randomized(network())
    state = names(network).to_theirs(network.state_dict())
    state = {f"{prefix}{name}": tensor for name, tensor in state.items()}
    if name != "upernet101":
        torch.save(state, folder / "net.pth")
        return network, folder / "net.pth"
    for part, file in zip(("encoder", "decoder"), PUBLISHED[name].files, strict=True):
        own = {key.removeprefix(f"{part}."): value for key, value in state.items() if key.startswith(part)}
        own["bn1._tmp_running_mean"] = torch.zeros(4)
        torch.save(own, folder / file)
    return network, folder


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_files_are_read(name, tmp_path):
    network, path = saved(name, tmp_path)
    loaded = load_segmenter(name, path)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(loaded.network(x), network(x))
    assert loaded.classes == PUBLISHED[name].classes
    assert loaded.normalisation == PUBLISHED[name].normalisation


def test_data_parallel_and_a_training_checkpoint_are_unwrapped(tmp_path):
    _, path = saved("drn_d_105", tmp_path, prefix="module.")
    torch.save({"epoch": 3, "state_dict": torch.load(path)}, path)
    assert load_segmenter("drn_d_105", path).classes == 19


def test_another_number_of_classes_is_in_the_title(tmp_path):
    network = randomized(DilatedResnet(7, depths=(1,) * 9, widths=(2,) * 9, bottleneck=False))
    torch.save(segmenters.drn_names(network).to_theirs(network.state_dict()), tmp_path / "net.pth")
    loaded = load_segmenter("drn_d_105", tmp_path / "net.pth")
    assert (loaded.classes, loaded.title) == (7, "DRN-D-105, 7 classes")


@pytest.mark.parametrize("name", PUBLISHED)
def test_weights_of_another_network_are_named(name, tmp_path):
    other = "drn_d_105" if name == "deeplabv2" else "deeplabv2"
    _, path = saved(other, tmp_path)
    if name == "upernet101":
        for file in PUBLISHED[name].files:
            path.with_name(file).write_bytes(path.read_bytes())
        path = tmp_path
    with pytest.raises(UserError, match=r"does not look like|is no Caffe model"):
        load_segmenter(name, path)


def test_a_missing_or_reshaped_tensor_is_named(tmp_path):
    _, path = saved("drn_d_105", tmp_path)
    state = torch.load(path)
    torch.save({k: v for k, v in state.items() if k != "base.3.0.bn2.bias"}, path)
    with pytest.raises(UserError, match=r"lacks base\.3\.0\.bn2\.bias"):
        load_segmenter("drn_d_105", path)
    torch.save(state | {"base.3.0.conv2.weight": torch.zeros(2, 2, 5, 5)}, path)
    with pytest.raises(UserError, match=r"base\.3\.0\.conv2\.weight' has shape \(2, 2, 5, 5\)"):
        load_segmenter("drn_d_105", path)


def test_upernet_is_two_files(tmp_path):
    encoder, decoder = (tmp_path / name for name in PUBLISHED["upernet101"].files)
    assert published_files("upernet101", tmp_path) == (encoder, decoder)
    assert published_files("upernet101", encoder) == (encoder, decoder)
    with pytest.raises(UserError, match="two files"):
        published_files("upernet101", tmp_path / "other.pth")
    with pytest.raises(UserError, match="there is no file"):
        load_segmenter("upernet101", tmp_path)


@pytest.mark.parametrize("change", ["missing", "extra", "no bias", "nothing"])
def test_caffe_layers_that_do_not_fit_are_named(change, tmp_path):
    layers = caffe_layers(fcn())
    if change == "missing":
        layers.pop()
    elif change == "extra":
        layers.append(("more", [torch.zeros(2, 2)]))
    elif change == "no bias":
        layers[0][1].pop()
    else:
        layers = [("ip", [torch.zeros(2, 2)])]
    write_caffe(tmp_path / "net.caffemodel", layers)
    with pytest.raises(UserError, match=r"does not look like|has layers that|has no bias"):
        load_segmenter("fcn8s", tmp_path / "net.caffemodel")


def test_caffe_models_of_old_versions_are_read(tmp_path):
    network = randomized(fcn())
    write_caffe(tmp_path / "net.caffemodel", caffe_layers(network), old=True)
    x = torch.randn(1, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(
            load_segmenter("fcn8s", tmp_path / "net.caffemodel").network(x), network(x)
        )


def test_a_formula_is_bounded():
    with pytest.raises(UserError, match="more than 400,000,000 values"):
        formula_weights({"state_dict_entries": [["a.weight", [30_000, 30_000]]]}, {}, "r.json")
    for entries in (None, 3, [["a", 3]], [["a", [-1]]], [[1, [2]]], ["a"]):
        with pytest.raises(UserError, match="must list names and shapes"):
            formula_weights({"state_dict_entries": entries}, {}, "r.json")
    with pytest.raises(UserError, match="kept as constructed"):
        formula_weights({"state_dict_entries": [["up", [1]]], "kept_as_constructed": ["up"]}, {}, "r.json")
