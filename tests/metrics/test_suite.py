"""The suite, and the three metrics that need no network."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import structural_similarity_index_measure

from asap_lightning.errors import Unavailable, UserError
from asap_lightning.metrics import Images, MetricSuite, Pairs, image_scores, pairs_of
from asap_lightning.metrics import suite as suites
from asap_lightning.metrics.catalogue import CATALOGUE
from asap_lightning.metrics.metric import Metric, MetricDeclaration, Outcome
from asap_lightning.metrics.pairs import to_eight_bit


def random_images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape) * 2 - 1


def measured(suite: MetricSuite, generated: torch.Tensor, photo: torch.Tensor, **given) -> MetricSuite:
    names = given.pop("names", [f"{suite._seen[0] + index}" for index in range(len(generated))])
    for pairs in pairs_of(generated, photo, names, **given):
        suite.update(pairs)
    return suite


def test_hand_worked_values() -> None:
    photo = torch.full((3, 8, 8), -1.0)
    generated = photo.clone()
    generated[:, :4] += 2 * 51 / 255  # half of the pixels are 51 grey levels too bright
    scores = image_scores(generated, photo)
    assert scores["l1"] == pytest.approx(0.1)
    assert scores["psnr"] == pytest.approx(-10 * math.log10(0.5 * 0.2**2), abs=1e-4)


def test_it_compares_what_a_file_would_hold() -> None:
    photo = to_eight_bit(random_images(3, 16, 16)).float() / 127.5 - 1
    almost = (photo + 0.4 / 255).clamp(-1, 1)
    assert image_scores(almost, photo)["l1"] == 0
    assert image_scores(photo * 1.0001, photo)["psnr"] == 100
    assert image_scores(torch.full_like(photo, 7.0), torch.ones_like(photo))["l1"] == 0


def test_psnr_and_ssim_are_those_of_others() -> None:
    photo = random_images(3, 24, 31)
    generated = (photo + 0.3 * torch.randn_like(photo)).clamp(-1, 1)
    g, p = to_eight_bit(generated), to_eight_bit(photo)
    scores = image_scores(generated, photo)
    theirs = structural_similarity_index_measure(g[None] / 255, p[None] / 255, data_range=1.0)
    assert scores["ssim"] == pytest.approx(float(theirs), abs=1e-6)
    arrays = [x.permute(1, 2, 0).numpy() for x in (p, g)]
    assert scores["psnr"] == pytest.approx(peak_signal_noise_ratio(*arrays), abs=1e-4)
    _, full = structural_similarity(
        *(a.astype(np.float64) for a in arrays), channel_axis=2, data_range=255, gaussian_weights=True,
        sigma=1.5, use_sample_covariance=False, full=True,
    )  # fmt: skip
    assert scores["ssim"] == pytest.approx(full.mean(), abs=0.01)  # but for the border, which it reflects too


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (5, 5), (6, 40)])
def test_tiny_images_have_an_ssim(size: tuple[int, int]) -> None:
    photo = random_images(3, *size)
    assert image_scores(photo, photo)["ssim"] == pytest.approx(1)
    other = image_scores(-photo, photo)["ssim"]
    assert other is not None and -1 <= other < 1


def test_independent_of_the_batch_size() -> None:
    photo = random_images(5, 3, 12, 12)
    generated = photo * torch.linspace(0.2, 1, 5).view(5, 1, 1, 1)
    whole, single = measured(MetricSuite(), generated, photo), MetricSuite()
    for g, p in zip(generated.split([1, 3, 1]), photo.split([1, 3, 1]), strict=True):
        measured(single, g, p)
    assert whole.compute().values == pytest.approx(single.compute().values)
    singles = [image_scores(g, p)["psnr"] or 0.0 for g, p in zip(generated, photo, strict=True)]
    assert whole.compute().values["psnr"] == pytest.approx(sum(singles) / 5)


def test_padding_does_not_count() -> None:
    photo = random_images(2, 3, 16, 16)
    generated = photo + 0.25
    padded, cut = generated.clone(), photo.clone()
    padded[:, :, 10:], padded[:, :, :, 12:] = 1.0, 1.0
    cut[:, :, 10:], cut[:, :, :, 12:] = -1.0, -1.0
    with_padding = measured(MetricSuite(), padded, cut, valid=[(10, 12), (10, 12)])
    without = measured(MetricSuite(), generated[:, :, :10, :12], photo[:, :, :10, :12])
    assert with_padding.compute().values == without.compute().values


def test_a_batch_of_several_sizes_is_taken_in_its_order() -> None:
    photo, sizes = random_images(4, 3, 16, 16), [(16, 16), (10, 12), (10, 12), (16, 16)]
    label = torch.arange(4).view(4, 1, 1).expand(4, 16, 16)
    parts = list(pairs_of(photo, photo, list("abcd"), label=label, valid=sizes))
    assert [part.any.names for part in parts] == [["a"], ["b", "c"], ["d"]]
    assert [part.any.size for part in parts] == [(16, 16), (10, 12), (16, 16)]
    assert [tuple(part.label.shape) for part in parts] == [(1, 16, 16), (2, 10, 12), (1, 16, 16)]
    assert parts[1].label[:, 0, 0].tolist() == [1, 2]


def test_mixed_precision_does_not_reach_the_metrics() -> None:
    photo = random_images(1, 3, 16, 16)
    generated = (photo + 0.1 * torch.randn_like(photo)).clamp(-1, 1)
    plain = measured(MetricSuite(), generated, photo)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = measured(MetricSuite(), generated, photo)
    assert plain.compute().values == mixed.compute().values


def test_reset_and_updates() -> None:
    suite = MetricSuite()
    assert not suite.has_updates
    results = suite.compute()
    assert set(results.values.values()) == {None}
    assert results.unavailable["psnr"].reason == "no image was measured"
    measured(suite, torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8))
    assert suite.has_updates
    assert suite.compute().values == {"psnr": 100, "ssim": 1, "l1": 0}
    suite.reset()
    assert not suite.has_updates


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(1, 3, 8, 8\), photo is \(1, 3, 8, 9\)"):
        image_scores(torch.zeros(3, 8, 8), torch.zeros(3, 8, 9))
    with pytest.raises(ValueError, match="2 names for images"):
        Images(["a", "b"], torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    with pytest.raises(ValueError, match="uint8 was expected"):
        Images(["a"], torch.zeros(1, 3, 8, 8))
    images = [Images(["a"], torch.zeros(1, 3, 8, size, dtype=torch.uint8)) for size in (8, 9)]
    for sides in (images, (None, None)):
        with pytest.raises(ValueError, match="were expected"):
            Pairs(*sides)
    with pytest.raises(ValueError, match="no pairs"):
        Pairs(None, images[0]).both()


def test_unknown_metrics_are_named_with_those_that_there_are() -> None:
    with pytest.raises(UserError, match=r"evaluation.metrics: there is no metric psnrr, x; there are psnr, "):
        MetricSuite(["psnrr", "ssim", "x"])
    with pytest.raises(UserError, match="no metric is named"):
        MetricSuite([])
    assert MetricSuite(["l1", "psnr", "l1"]).names == ("l1", "psnr")


class Brightness:
    """A state: the mean grey value of the generated images."""

    def __init__(self) -> None:
        self.total, self.count, self.gathered = 0.0, 0, False

    def update(self, pairs: Pairs) -> None:
        images, _ = pairs.both()
        self.total += float(images.unit.mean((1, 2, 3)).sum())
        self.count += len(images)

    def gather(self) -> None:
        self.gathered = True


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Metric]]:
    """A catalogue of the test's own, in which ``glow`` is the mean brightness."""

    def glow(bench):
        state = bench.state("brightness", Brightness)
        assert state is bench.state("brightness", Brightness) and bench.settings["gain"] == 2

        def score() -> Outcome:
            assert state.gathered
            return Outcome(2 * state.total / state.count, {"images": state.count}, warnings=["only a test"])

        return score

    def never(bench):
        raise Unavailable("no weights here", "fetch weights")

    declared = MetricDeclaration("glow", "Glow", None, "set", "a test", needs=("photo",), least=2)
    added = {
        "glow": Metric(declared, glow),
        "never": Metric(replace(declared, key="never"), never),
        "labels": Metric(replace(declared, key="labels", needs=("label",)), never),
        "infinite": Metric(replace(declared, key="infinite"), lambda bench: lambda: Outcome(math.inf)),
    }
    monkeypatch.setattr(suites, "CATALOGUE", {**CATALOGUE, **added})
    yield suites.CATALOGUE


def test_a_metric_of_a_set_gathers_a_state(catalogue) -> None:
    suite = MetricSuite(["glow", "psnr"], settings={"gain": 2})
    measured(suite, torch.ones(3, 3, 8, 8), torch.ones(3, 3, 8, 8))
    results = suite.compute()
    assert results.values == {"glow": 2.0, "psnr": 100.0} and results.images == (3, 3)
    assert results.details == {"glow": {"images": 3}} and results.warnings == ["glow: only a test"]
    suite.reset()
    measured(suite, torch.ones(1, 3, 8, 8), torch.ones(1, 3, 8, 8))
    assert suite.compute().unavailable["glow"].reason == "it needs at least 2 images, got 1"


def test_what_cannot_be_computed_is_said_and_the_rest_goes_on(catalogue) -> None:
    suite = MetricSuite(["never", "labels", "infinite", "l1"], lacking={"label": "no labels"})
    assert suite.available == ("infinite", "l1") and not suite.needs("label") and suite.needs("photo")
    measured(suite, torch.ones(2, 3, 8, 8), torch.ones(2, 3, 8, 8))
    results = suite.compute()
    assert results.values == {"never": None, "labels": None, "infinite": None, "l1": 0.0}
    assert results.unavailable["never"].command == "fetch weights"
    assert results.unavailable["labels"].reason == "no labels"
    assert "not finite (inf)" in results.unavailable["infinite"].reason


def test_images_of_nan_have_no_score_nor_has_their_set(catalogue) -> None:
    generated = torch.zeros(3, 3, 8, 8)
    generated[1, 0, 0, 0] = math.inf
    suite = MetricSuite(["psnr", "glow"], settings={"gain": 2})
    (pairs,) = pairs_of(generated, torch.zeros_like(generated), ["a", "b", "c"])
    rows = suite.update(pairs)
    assert rows == [{"psnr": 100.0}, {"psnr": None}, {"psnr": 100.0}]
    results = suite.compute()
    assert set(results.values.values()) == {None}
    for why in results.unavailable.values():
        assert why.reason == "1 image with values that are not finite numbers: b"
