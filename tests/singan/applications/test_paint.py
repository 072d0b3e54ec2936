"""Palettes and the scale that is trained for one."""

from __future__ import annotations

import torch

from asap_lightning.singan.applications.paint import Palette, train_for_palette
from asap_lightning.singan.applications.quantize import centres_of, lloyd, recoloured
from asap_lightning.singan.checkpoint import Pyramid
from asap_lightning.singan.noise import SeededNoise
from asap_lightning.singan.passing import Ascent

COLOURS = torch.tensor([[-0.9, -0.8, -0.9], [-0.5, 0.6, 0.1], [0.1, 0.0, 0.9], [0.9, 0.9, 0.8]])


def picture(colours: torch.Tensor, seed: int, spread: float = 0.0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    chosen = colours[torch.randint(len(colours), (20, 24), generator=random)]
    return (chosen + spread * torch.randn(20, 24, 3, generator=random)).permute(2, 0, 1)[None]


def test_k_means_finds_the_colours() -> None:
    found = centres_of(picture(COLOURS, 0, spread=0.02), 4)
    torch.testing.assert_close(found, COLOURS[COLOURS.sum(1).argsort()], atol=0.02, rtol=0)
    assert len(centres_of(picture(COLOURS, 0), 9)) == 4  # no more than there are


def test_lloyd_by_hand() -> None:
    points = torch.tensor([[0.0], [1.0], [9.0], [11.0]])
    assert lloyd(points, torch.tensor([[0.0], [1.0]])).tolist() == [[0.5], [10.0]]
    assert lloyd(points, torch.tensor([[5.0], [99.0]])).tolist() == [[5.25], [99.0]]  # an empty cluster stays


def test_a_painting_gets_the_palette_of_its_nearest_kind() -> None:
    """Its clusters are its own: shifted colours are labelled together, and become the palette's."""
    labels = torch.arange(20 * 24).view(20, 24) % 4
    painting = (COLOURS[labels] + torch.tensor([0.15, -0.1, 0.1])).permute(2, 0, 1)[None]
    assert torch.equal(recoloured(painting, COLOURS), COLOURS[labels].permute(2, 0, 1)[None])


def test_one_scale_is_trained_for_the_palette(pyramid: Pyramid) -> None:
    palette = Palette.of(pyramid, 1, 3)
    before = {name: value.clone() for name, value in pyramid.scales[1]["state_dict"].items()}
    seen: list[range] = []
    fitted = train_for_palette(
        pyramid, palette, seed=3, iterations=3, progress=lambda numbers: seen.append(numbers) or numbers
    )
    assert seen == [range(3)]
    assert fitted.scales[0] is pyramid.scales[0] and fitted.scales[2] is pyramid.scales[2]
    assert all(torch.equal(before[name], value) for name, value in pyramid.scales[1]["state_dict"].items())
    again = train_for_palette(pyramid, palette, seed=3, iterations=3)
    for name, value in fitted.scales[1]["state_dict"].items():
        assert torch.equal(value, again.scales[1]["state_dict"][name])
    assert not torch.equal(
        fitted.scales[1]["state_dict"]["network.last.weight"], before["network.last.weight"]
    )
    painted = palette.painted(pyramid.scales[-1]["real"], pyramid)
    assert painted.shape == pyramid.scales[1]["real"].shape
    made = Ascent(fitted).run(SeededNoise(0), first=1, injected=painted)
    assert made.shape == pyramid.scales[-1]["real"].shape and made.isfinite().all()


def test_the_training_learns_to_rebuild_from_the_palette(pyramid: Pyramid) -> None:
    """After some iterations the scale draws the image from its coloured reconstruction better."""
    palette, real = Palette.of(pyramid, 1, 3), pyramid.scales[1]["real"]
    ascent = Ascent(pyramid)
    below = palette(ascent.below(ascent.reconstruct(1), 1, ascent.sizes[1])[..., 5:-5, 5:-5])

    def error(iterations: int) -> float:
        fitted = Ascent(train_for_palette(pyramid, palette, iterations=iterations))
        made = fitted.step(1, torch.zeros(1), fitted.padded(below, 1))
        return float((made - real).square().mean())

    assert error(40) < 0.8 * error(1)
