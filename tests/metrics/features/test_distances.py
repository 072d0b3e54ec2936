"""Distances of two sets of features against torch-fidelity's own, and against values worked by hand."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from asap_lightning.metrics import Images, Pairs
from asap_lightning.metrics.features.kernel import squared_discrepancy
from asap_lightning.metrics.features.layered import layered_distance
from asap_lightning.metrics.features.neighbours import neighbourhoods
from asap_lightning.metrics.features.store import FeatureFile, FeatureStore
from asap_lightning.metrics.features.sums import FeatureSums, frechet_distance


def in_blocks(features: Tensor, rows: int = 7) -> Callable[[], Iterator[Tensor]]:
    return lambda: iter(features.double().split(rows))


@pytest.fixture(scope="module")
def sets() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    mixing = torch.randn(24, 24, generator=random)
    real = torch.randn(90, 24, generator=random) @ mixing
    return 0.7 * torch.randn(60, 24, generator=random) @ mixing + 0.5, real


class Flat:
    """A network whose features are the first pixels."""

    dimension = 24

    def __call__(self, images: Images) -> Tensor:
        return images.unit.flatten(1)[:, :24]


def passed(state, generated: Tensor, real: Tensor, size: int = 13):
    """The state after both sets, which are no pairs, as pictures of 1 x 8 pixels."""
    for side, features in (("generated", generated), ("photo", real)):
        for batch in (features * 255).round().clamp(0, 255).to(torch.uint8).split(size):
            images = Images([str(i) for i in range(len(batch))], batch.view(-1, 3, 1, 8))
            state.update(Pairs(**{"generated": None, side: images}))
    state.gather()
    return state


def test_frechet_and_kernel_distance_are_torch_fidelitys(sets) -> None:
    pytest.importorskip("torch_fidelity")
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric

    unit = [(features[:60] - sets[1].min()) / (sets[1].max() - sets[1].min()) for features in sets]
    eight = [(features * 255).round().clamp(0, 255).double() / 255 for features in unit]
    fid = fid_statistics_to_metric(*(fid_features_to_statistics(f) for f in eight), False)
    found = passed(FeatureSums(Flat()), *unit).distance()
    assert found.value == pytest.approx(fid["frechet_inception_distance"], rel=1e-3)
    kid = kid_features_to_metric(*eight, kid_subsets=2, kid_subset_size=60, verbose=False)
    expected = kid["kernel_inception_distance_mean"]  # of subsets as large as the set
    assert passed(FeatureStore(Flat()), *unit).discrepancy == pytest.approx(float(expected), rel=1e-3)


def test_frechet_distance_by_hand() -> None:
    a, b = torch.diag(torch.tensor([4.0, 9.0])).double(), torch.diag(torch.tensor([1.0, 16.0])).double()
    means = torch.zeros(2).double(), torch.tensor([3.0, 4.0]).double()
    # 25 + (2 - 1)^2 + (3 - 4)^2
    assert frechet_distance(means[0], a, means[1], b) == pytest.approx(27)
    assert frechet_distance(means[0], a, means[0], a) == pytest.approx(0, abs=1e-9)


def test_fewer_images_than_features_are_said_with_numbers(sets) -> None:
    (warning,) = passed(FeatureSums(Flat()), sets[0][:20], sets[1]).distance().warnings
    assert warning.startswith("20 images for 24 features: ")
    assert passed(FeatureSums(Flat()), *sets).distance().warnings == []


def test_kernel_distance_by_hand() -> None:
    g, r = torch.tensor([[1.0], [2.0]]), torch.tensor([[0.0], [1.0]])
    # k(1,2) + k(0,1) - 2 mean of k(1,0), k(1,1), k(2,0), k(2,1)
    expected = 27 + 1 - 2 * (1 + 8 + 1 + 27) / 4
    assert squared_discrepancy(in_blocks(g, 1), in_blocks(r, 1), 1) == pytest.approx(expected)


def naive(g: np.ndarray, r: np.ndarray) -> tuple[float, ...]:
    """The definitions, image by image."""

    def radius(points: np.ndarray, i: int, k: int) -> float:
        return float(sorted(np.linalg.norm(points[i] - q) for j, q in enumerate(points) if j != i)[k - 1])

    real3, real5 = ([radius(r, i, k) for i in range(len(r))] for k in (3, 5))
    made3 = [radius(g, i, 3) for i in range(len(g))]
    d = np.linalg.norm(g[:, None] - r[None], axis=-1)
    return (
        float(np.mean([any(d[j] <= real3) for j in range(len(g))])),
        float(np.mean([any(d[:, i] <= made3) for i in range(len(r))])),
        float(np.sum(d <= np.array(real5)) / (5 * len(g))),
        float(np.mean([any(d[:, i] <= real5[i]) for i in range(len(r))])),
    )


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_neighbourhoods_are_their_definitions_whatever_the_block(sets, rows: int) -> None:
    g, r = sets[0][:31, :8] * 1.4 + 4, sets[1][:40, :8]
    found = neighbourhoods(in_blocks(g, rows), in_blocks(r, rows))
    expected = naive(g.double().numpy(), r.double().numpy())
    assert (found.precision, found.recall, found.density, found.coverage) == pytest.approx(expected)
    assert 0 < found.precision < 1 and 0 < found.recall < 1 and 0 < found.coverage < 1


def test_neighbourhoods_of_ends() -> None:
    line = torch.arange(20.0).view(20, 1)
    same = neighbourhoods(in_blocks(line), in_blocks(line))
    assert (same.precision, same.recall, same.coverage) == (1, 1, 1) and same.density >= 1
    far = neighbourhoods(in_blocks(line + 1000), in_blocks(line))
    assert (far.precision, far.recall, far.density, far.coverage) == (0, 0, 0, 0)
    collapsed = neighbourhoods(in_blocks(torch.full((20, 1), 4.5)), in_blocks(line))
    assert collapsed.precision == 1 and collapsed.recall == 0 and collapsed.coverage < 1


def test_features_go_to_a_file_and_come_back_in_blocks() -> None:
    file = FeatureFile(3)
    rows = torch.randn(10, 3)
    for part in rows.split([4, 5, 1]):
        file.add(part)
    blocks = list(file.blocks(rows=4))
    assert [len(block) for block in blocks] == [4, 4, 2]
    assert torch.equal(torch.cat(blocks), rows.double())
    file.add(rows)  # after reading
    assert torch.equal(torch.cat(list(file.blocks())), torch.cat([rows, rows]).double())


def test_layered_distance_by_hand_and_with_lpips_heads() -> None:
    a, b = torch.zeros(1, 2, 1, 2), torch.zeros(1, 2, 1, 2)
    a[0, 0], b[0, 1, 0, 0], b[0, 0, 0, 1] = 1.0, 2.0, 5.0  # orthogonal at one of two positions
    assert float(layered_distance([a], [b])) == pytest.approx(1.0)
    assert float(layered_distance([a, a], [b, a])) == pytest.approx(0.5)
    assert float(layered_distance([a], [b], [torch.tensor([3.0, 1.0])])) == pytest.approx(2.0)


def test_a_covariance_that_lapack_gives_up_on_has_a_distance(monkeypatch):
    """Few images, many eigenvalues of 0: the second try is of nearly the same matrix."""
    from asap_lightning.metrics.features import sums

    vectors = torch.randn(3, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    a, b = vectors.T @ vectors, 2 * vectors.T @ vectors
    mean = torch.zeros(40, dtype=torch.float64)
    expected = sums.frechet_distance(mean, a, mean, b)
    original, calls = torch.linalg.eigh, []

    def gives_up_once(matrix):
        calls.append(matrix)
        if len(calls) == 1:
            raise torch.linalg.LinAlgError("the algorithm failed to converge")
        return original(matrix)

    monkeypatch.setattr(torch.linalg, "eigh", gives_up_once)
    assert sums.frechet_distance(mean, a, mean, b) == pytest.approx(expected, rel=1e-4) and len(calls) == 3
