"""LPIPS, DISTS and SIFID with random weights in small local files, against independent programs."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

from asap_lightning.errors import Unavailable, UserError
from asap_lightning.metrics import Images, MetricSuite, Pairs, pairs_of
from asap_lightning.metrics.features.networks import placed
from asap_lightning.metrics.features.single_image import position_distance
from asap_lightning.metrics.features.torchvision_networks import InceptionPositions

REFERENCE = Path(__file__).resolve().parents[4] / "shared" / "reference2"
BUILDERS = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}
KEYS = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet"}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Random features of each backbone, as a file of torchvision holds them."""
    torch.manual_seed(0)
    written = {}
    for name, builder in BUILDERS.items():
        with torch.device("meta"):
            features = getattr(torchvision.models, builder)(weights=None).features
        state = {
            f"features.{key}": torch.randn(value.shape)
            * (0.1 if value.dim() < 2 else (2 / value[0].numel()) ** 0.5)
            for key, value in features.state_dict().items()
        }
        path = tmp_path_factory.mktemp("weights") / f"{builder}.pth"
        torch.save({**state, "classifier.1.weight": torch.zeros(2, 2)}, path)
        written[KEYS[name]] = str(path)
    return written


@pytest.fixture
def pairs() -> Pairs:
    photo = torch.rand(2, 3, 64, 48) * 2 - 1
    (made,) = pairs_of((photo + 0.5 * torch.randn_like(photo)).clamp(-1, 1), photo, ["a", "b"])
    return made


@pytest.mark.parametrize("name", ["alex", "squeeze"])
def test_lpips_is_the_packages(files, pairs: Pairs, name: str) -> None:
    lpips = pytest.importorskip("lpips")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = lpips.LPIPS(net=name, pretrained=True, pnet_rand=True, verbose=False).eval()
    state = torch.load(files[KEYS[name]], weights_only=True)
    for slice_ in theirs.net.modules():
        for key, layer in slice_.named_children():
            if key.isdigit() and not isinstance(layer, torch.nn.Sequential):
                begin = f"features.{key}."
                layer.load_state_dict(
                    {k.removeprefix(begin): v for k, v in state.items() if k.startswith(begin)}
                )
    suite = MetricSuite([f"lpips_{name}"], settings={"weights": files})
    rows = suite.update(pairs)
    generated, photo = pairs.units()
    with torch.no_grad():
        expected = theirs(generated, photo, normalize=True).flatten().tolist()
    assert [row[f"lpips_{name}"] for row in rows] == pytest.approx(expected, rel=1e-4)
    assert min(expected) > 0.01


def test_vgg_serves_lpips_and_dists(files, pairs: Pairs) -> None:
    suite = MetricSuite(["lpips_vgg", "dists"], settings={"weights": files})
    apart = suite.update(pairs)[0]
    same = suite.update(Pairs(pairs.photo, pairs.photo))[0]
    assert list(same.values()) == pytest.approx([0, 0], abs=1e-5)
    assert min(apart.values()) > 0.01
    # An image of a batch scores as it does alone.
    assert suite.update(next(pairs_of(*(2 * u[:1] - 1 for u in pairs.units()), ["c"])))[0] == pytest.approx(
        apart, rel=1e-3
    )


@pytest.mark.parametrize("name", ["lpips_alex", "lpips_vgg", "lpips_squeeze", "dists", "sifid"])
def test_missing_weights_are_fetched_by_a_command(monkeypatch, tmp_path, pairs: Pairs, name: str) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    suite = MetricSuite([name, "l1"])
    suite.update(pairs)
    results = suite.compute()
    assert results.values[name] is None and results.values["l1"] is not None
    why = results.unavailable[name]
    assert str(tmp_path / "hub" / "checkpoints") in why.reason and "evaluation.weights." in why.reason
    assert why.command.startswith('python -c "import torchvision; torchvision.models.')
    words = why.command.split('"')[1].split("torchvision.models.")[1]
    assert hasattr(torchvision.models, words.split("(")[0])


def test_weights_that_are_named_must_be_there_and_fit(tmp_path, files) -> None:
    with pytest.raises(UserError, match=r"evaluation.weights.alexnet=.*nothing.pth: there is no such file"):
        MetricSuite(["lpips_alex"], settings={"weights": {"alexnet": str(tmp_path / "nothing.pth")}})
    with pytest.raises(UserError, match=r"vgg16.pth does not hold the weights of torchvision's alexnet: "):
        MetricSuite(["lpips_alex"], settings={"weights": {"alexnet": files["vgg16"]}})


def formula_weights(entries, gain: float) -> dict[str, torch.Tensor]:
    """rs-v1, see the recordings' README."""
    state = {}
    for index, (name, shape) in enumerate(entries):
        random = np.random.RandomState(index)
        if name.endswith("num_batches_tracked"):
            value = np.zeros(shape)
        elif name.endswith("running_mean"):
            value = 0.1 * random.standard_normal(shape)
        elif name.endswith("running_var"):
            value = 0.5 + random.random_sample(shape)
        elif len(shape) >= 2:
            value = random.standard_normal(shape) * gain * np.sqrt(2 / (np.prod(shape) / shape[0]))
        elif name.endswith("weight"):
            value = 0.5 + 0.2 * random.random_sample(shape)
        else:
            value = 0.1 * random.standard_normal(shape)
        state[name] = torch.from_numpy(np.asarray(value)).float()
    return state


def inception_positions() -> InceptionPositions:
    with torch.device("meta"):
        return InceptionPositions(torchvision.models.inception_v3(weights=None, init_weights=False))


def test_sifid_is_the_original_programs() -> None:
    if not (REFERENCE / "singan_sifid.pt").is_file():
        pytest.skip("the recordings of the original program are not here")
    about = json.loads((REFERENCE / "singan_sifid.json").read_text())
    recorded = torch.load(REFERENCE / "singan_sifid.pt", weights_only=True)
    net = inception_positions()
    weights = formula_weights(about["state_dict_entries"], about["gain"])
    net.layers.load_state_dict(dict(zip(net.layers.state_dict(), weights.values(), strict=True)), assign=True)
    net.eval()
    real, fake = (recorded["inputs"][key].permute(2, 0, 1)[None] for key in ("real", "fake"))
    with torch.no_grad():
        features = [net(image) for image in (fake, real)]
    expected = float(recorded["outputs"]["dims192.sifid"])
    assert float(position_distance(*features)) == pytest.approx(expected, rel=1e-3)
    mean = features[1][0].flatten(1).mean(1)
    torch.testing.assert_close(
        mean.double(), recorded["outputs"]["dims192.real.mu"].double(), rtol=1e-4, atol=1e-5
    )


def test_sifid_reads_torchvisions_file_and_compares_positions(tmp_path, pairs: Pairs) -> None:
    net = inception_positions()
    entries = [(name, list(value.shape)) for name, value in net.layers.state_dict().items()]
    torch.save({**formula_weights(entries, 1.0), "fc.weight": torch.zeros(2, 2)}, tmp_path / "inception.pth")
    suite = MetricSuite(["sifid"], settings={"weights": {"inception_v3": str(tmp_path / "inception.pth")}})
    apart = suite.update(pairs)
    assert min(row["sifid"] for row in apart) > 0
    assert suite.update(Pairs(pairs.photo, pairs.photo))[0]["sifid"] == pytest.approx(0, abs=1e-6)
    for side in (23, 22):
        dots = Images(["t"], torch.randint(0, 256, (1, 3, side, side), dtype=torch.uint8))
        (row,) = suite.update(Pairs(dots, dots))
        assert (row["sifid"] is None) == (side == 22)
    assert "22 x 22 are too small: 23" in suite.compute().unavailable["sifid"].reason


@pytest.mark.parametrize(
    ("name", "least"), [("lpips_alex", 31), ("lpips_vgg", 16), ("lpips_squeeze", 17), ("dists", 16)]
)
def test_images_too_small_for_a_network_have_no_score(files, name: str, least: int) -> None:
    suite = MetricSuite([name], settings={"weights": files})
    for side in (least, least - 1):
        dots = Images(["t"], torch.randint(0, 256, (1, 3, side, side + 9), dtype=torch.uint8))
        assert suite.update(Pairs(dots, dots)) == [
            {name: pytest.approx(0, abs=1e-5) if side == least else None}
        ]
    assert f"too small: {least} pixels" in suite.compute().unavailable[name].reason


def test_networks_go_where_the_images_are() -> None:
    layer = torch.nn.Linear(2, 2)
    assert placed(layer, torch.zeros(1)) is layer
    assert next(placed(layer, torch.zeros(1, device="meta")).parameters()).device.type == "meta"


def test_ms_ssim_is_torchmetrics_and_small_images_have_none() -> None:
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as theirs

    photo = torch.rand(2, 3, 176, 190) * 2 - 1
    (made,) = pairs_of((photo + 0.1 * torch.randn_like(photo)).clamp(-1, 1), photo, ["a", "b"])
    suite = MetricSuite(["ms_ssim"])
    rows = suite.update(made)
    assert rows[1]["ms_ssim"] == pytest.approx(float(theirs(*(u[1:] for u in made.units()), data_range=1.0)))
    small = MetricSuite(["ms_ssim", "l1"])
    photo = torch.zeros(1, 3, 175, 200)
    for pairs in pairs_of(photo, photo, ["a"]):
        assert small.update(pairs) == [{"ms_ssim": None, "l1": 0.0}]
    assert small.compute().unavailable["ms_ssim"].reason.startswith("images of 200 x 175 are too small: 176")


def test_unavailable_says_how_to_get_it() -> None:
    assert str(Unavailable("no weights", "fetch them")) == "no weights\n  get it with:  fetch them"
