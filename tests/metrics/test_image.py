import math

import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from asap_lightning.metrics import ImageMetrics, image_scores, to_eight_bit


def random_images(*shape: int) -> torch.Tensor:
    return torch.rand(*shape) * 2 - 1


def test_hand_worked_values() -> None:
    photo = torch.full((3, 8, 8), -1.0)
    generated = photo.clone()
    generated[:, :4] += 2 * 51 / 255  # half of the pixels are 51 grey levels too bright
    scores = image_scores(generated, photo)
    assert scores.l1.item() == pytest.approx(0.1)
    assert scores.psnr.item() == pytest.approx(-10 * math.log10(0.5 * 0.2**2), abs=1e-4)


def test_it_compares_what_a_file_would_hold() -> None:
    photo = to_eight_bit(random_images(3, 16, 16)) * 2 - 1
    almost = (photo + 0.4 / 255).clamp(-1, 1)
    assert image_scores(almost, photo).l1.item() == 0
    assert image_scores(photo * 1.0001, photo).psnr.item() == 100
    assert image_scores(torch.full_like(photo, 7.0), torch.ones_like(photo)).l1.item() == 0


def test_ssim_is_that_of_torchmetrics() -> None:
    photo = random_images(3, 24, 31)
    generated = (photo + 0.3 * torch.randn_like(photo)).clamp(-1, 1)
    expected = structural_similarity_index_measure(
        to_eight_bit(generated)[None], to_eight_bit(photo)[None], data_range=1.0
    )
    torch.testing.assert_close(image_scores(generated, photo).ssim, expected)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3), (5, 5), (6, 40)])
def test_tiny_images_have_an_ssim(size: tuple[int, int]) -> None:
    photo = random_images(3, *size)
    assert image_scores(photo, photo).ssim.item() == pytest.approx(1)
    other = image_scores(-photo, photo).ssim.item()
    assert -1 <= other < 1


def test_independent_of_the_batch_size() -> None:
    photo = random_images(5, 3, 12, 12)
    generated = photo * torch.linspace(0.2, 1, 5).view(5, 1, 1, 1)
    whole, single = ImageMetrics(), ImageMetrics()
    whole.update(generated, photo)
    for g, p in zip(generated.split([1, 3, 1]), photo.split([1, 3, 1]), strict=True):
        single.update(g, p)
    torch.testing.assert_close(whole.compute(), single.compute())
    mean = sum(image_scores(g, p).psnr for g, p in zip(generated, photo, strict=True)) / 5
    torch.testing.assert_close(whole.compute()["psnr"], mean)


def test_padding_does_not_count() -> None:
    photo = random_images(2, 3, 16, 16)
    generated = photo + 0.25
    padded, cut = generated.clone(), photo.clone()
    padded[:, :, 10:], padded[:, :, :, 12:] = 1.0, 1.0
    cut[:, :, 10:], cut[:, :, :, 12:] = -1.0, -1.0
    with_padding, without = ImageMetrics(), ImageMetrics()
    with_padding.update(padded, cut, valid=[(10, 12), (10, 12)])
    without.update(generated[:, :, :10, :12], photo[:, :, :10, :12])
    torch.testing.assert_close(with_padding.compute(), without.compute())


def test_mixed_precision_does_not_reach_the_metrics() -> None:
    photo = random_images(1, 3, 16, 16)
    generated = (photo + 0.1 * torch.randn_like(photo)).clamp(-1, 1)
    plain, mixed = ImageMetrics(), ImageMetrics()
    plain.update(generated, photo)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed.update(generated, photo)
    torch.testing.assert_close(plain.compute(), mixed.compute(), rtol=0, atol=0)


def test_processes_are_added() -> None:
    """What torchmetrics does under DDP: states of the processes are gathered and reduced by sum."""
    photo = random_images(3, 3, 8, 8)
    generated = photo * 0.5
    together, first, second = ImageMetrics(), ImageMetrics(), ImageMetrics()
    together.update(generated, photo)
    first.update(generated[:1], photo[:1])
    second.update(generated[1:], photo[1:])
    for name, reduction in first._reductions.items():
        state = torch.stack([getattr(first, name), getattr(second, name)])
        setattr(first, name, reduction(state))
    torch.testing.assert_close(first.compute(), together.compute())


def test_reset_and_updates() -> None:
    metrics = ImageMetrics()
    assert not metrics.has_updates
    metrics.update(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8))
    assert metrics.has_updates
    assert metrics.compute() == {"psnr": 100, "ssim": 1, "l1": 0}
    metrics.reset()
    assert not metrics.has_updates and metrics.count == 0


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3, 8, 8\) and \(3, 8, 9\)"):
        image_scores(torch.zeros(3, 8, 8), torch.zeros(3, 8, 9))
    with pytest.raises(ValueError, match="photo is"):
        ImageMetrics().update(torch.zeros(2, 3, 8, 8), torch.zeros(1, 3, 8, 8))
