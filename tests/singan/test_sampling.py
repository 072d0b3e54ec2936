"""Samples: against the authors' program, and what seeds, sizes, tiles and torus promise."""

from __future__ import annotations

import pytest
import torch

from asap_lightning.errors import UserError
from asap_lightning.singan.checkpoint import Pyramid
from asap_lightning.singan.noise import SeededNoise
from asap_lightning.singan.passing import Ascent
from asap_lightning.singan.sampling import draw, sample
from pyramids import make_pyramid


@pytest.mark.parametrize(
    ("name", "start", "stretch"),
    [("random", 0, (1, 1)), ("random_from_1", 1, (1, 1)), ("wide", 0, (1, 1.5)), ("odd", 0, (0.8, 1.37))],
)
def test_samples_are_the_authors(
    recording, name: str, start: int, stretch: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawn() -> torch.Tensor:
        ascent = Ascent(recording.pyramid)
        sizes = [(round(h * stretch[0]), round(w * stretch[1])) for h, w in ascent.sizes]
        return draw(ascent, recording.noise(name), start, sizes)

    expected = recording.outputs[f"{name}.out"]
    fast = drawn()
    monkeypatch.setenv("ASAP_BACKEND", "torch")
    torch.testing.assert_close(drawn(), expected, atol=1e-6, rtol=0)
    # a grey level that falls to the other side when a scale is truncated moves what lies around it
    assert (fast - expected).abs().max() < 0.02
    assert ((fast - expected).abs() < 1e-5).double().mean() > 0.8


def test_the_reconstruction_is_the_authors(recording) -> None:
    found = Ascent(recording.pyramid).reconstruct()
    torch.testing.assert_close(found, recording.outputs["reconstruction.out"], atol=1e-5, rtol=0)


def test_a_sample_follows_from_its_seed_and_number(pyramid: Pyramid) -> None:
    sample(pyramid)  # builds the networks
    torch.manual_seed(1)
    two, four = sample(pyramid, count=2, seed=3), sample(pyramid, count=4, seed=3)
    assert torch.equal(two, four[:2])
    assert not torch.equal(four[0], four[1])
    assert not torch.equal(two, sample(pyramid, count=2, seed=4))
    assert torch.rand(1) == torch.rand(1, generator=torch.Generator().manual_seed(1))  # no trace is left


def test_later_start_scales_keep_the_layout_and_the_noise(pyramid: Pyramid) -> None:
    """With all scales rebuilt but the last, samples are nearer to the image than free ones."""
    real = pyramid.scales[-1]["real"]
    apart = [(sample(pyramid, count=6, start_scale=s) - real).abs().mean() for s in (0, 2)]
    assert apart[1] < apart[0]
    noise = SeededNoise(5, 2)
    assert torch.equal(noise(2, 3, 4, 5), SeededNoise(5, 2)(2, 3, 4, 5))
    assert not torch.equal(noise(2, 3, 4, 5), noise(1, 3, 4, 5))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, (30, 37)),
        ({"height": 60, "width": 51}, (60, 51)),
        ({"height": 60}, (60, 74)),
        ({"width": 111}, (90, 111)),
    ],
)
@pytest.mark.parametrize("start", [0, 2])
def test_any_size_and_aspect(
    pyramid: Pyramid, asked: dict[str, int], expected: tuple[int, int], start: int
) -> None:
    found = sample(pyramid, start_scale=start, **asked)
    assert found.shape == (1, 3, *expected)
    assert found.isfinite().all()


@pytest.mark.parametrize("tileable", [False, True])
def test_tiles_are_the_whole_canvas(pyramid: Pyramid, tileable: bool) -> None:
    """In float64, where a truncated grey level cannot fall to the other side by a rounding."""
    precise = Pyramid(
        tuple(
            {
                **scale,
                "state_dict": {
                    k: v.double() if v.is_floating_point() else v for k, v in scale["state_dict"].items()
                },
                "real": scale["real"].double(),
            }
            for scale in pyramid.scales
        ),
        pyramid.factor,
        3,
    )
    for index in range(3):
        precise.generator(index).double()

    def noise(*asked: int) -> torch.Tensor:
        return SeededNoise(7)(*asked).double()

    made = []
    for tile in (None, 16, 23):
        ascent = Ascent(precise, tile=tile, wrap=tileable)
        made.append(draw(ascent, noise, 0, ascent.sizes_for(90, 71)))
    assert made[0].shape == (1, 3, 90, 71)
    for other in made[1:]:
        torch.testing.assert_close(other, made[0], atol=1e-12, rtol=0)
    # and in single precision, as it is used
    whole, tiled = (sample(pyramid, height=90, width=71, tileable=tileable, tile=t) for t in (None, 16))
    assert ((whole - tiled).abs() < 1e-3).double().mean() > 0.95


def test_a_canvas_above_a_megapixel_is_computed_in_tiles(
    pyramid: Pyramid, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    monkeypatch.setattr("asap_lightning.singan.passing.WHOLE", 2000)
    monkeypatch.setattr("asap_lightning.singan.passing.TILE", 32)
    ascent = Ascent(pyramid)
    for index in range(3):
        run = ascent.finished(index)

        def watched(noise: torch.Tensor, previous: torch.Tensor, run=run) -> torch.Tensor:
            seen.append(noise.shape[-1])
            return run(noise, previous)

        ascent._finished[index] = watched
    made = draw(ascent, SeededNoise(0), 0, ascent.sizes_for(90, 71))
    assert max(seen) == 32 + 10
    whole = sample(pyramid, height=90, width=71, tile=200)
    assert ((made - whole).abs() < 1e-3).double().mean() > 0.95


def test_a_tileable_sample_has_no_borders() -> None:
    """Of one scale: shifting the noise around the torus shifts the sample, wherever its border was."""
    pyramid = make_pyramid()
    single = Pyramid(pyramid.scales[:1], pyramid.factor, 1)
    ascent = Ascent(single, wrap=True)
    noise = torch.randn(1, 1, *ascent.sizes[0])
    plain = ascent.run(lambda *_: noise)
    moved = ascent.run(lambda *_: noise.roll((5, 9), (2, 3)))
    torch.testing.assert_close(moved, plain.roll((5, 9), (2, 3)), atol=1e-5, rtol=0)
    bordered = Ascent(single)
    assert not torch.allclose(
        bordered.run(lambda *_: noise.roll((5, 9), (2, 3))),
        bordered.run(lambda *_: noise).roll((5, 9), (2, 3)),
    )


def test_a_tileable_sample_fits_its_copies(pyramid: Pyramid) -> None:
    """Across the border neighbours differ no more than anywhere inside; without the option they do."""
    for tileable in (False, True):
        made = sample(pyramid, count=24, height=48, width=60, tileable=tileable, seed=1)
        across = (made - made.roll(1, 3)).abs().mean((0, 1, 2))
        assert bool(across[0] < 1.1 * across[1:].max()) == tileable


def test_animation_pyramids_see_noise_in_their_margin() -> None:
    shapes: list[tuple[int, int]] = []

    def noise(scale: int, channels: int, height: int, width: int) -> torch.Tensor:
        shapes.append((height, width))
        return torch.randn(1, channels, height, width)

    draw(Ascent(make_pyramid(task="animation")), noise)
    draw(Ascent(make_pyramid()), noise)
    assert shapes[2] == (40, 47) and shapes[5] == (30, 37)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"count": 0}, "count=0: at least one"),
        ({"start_scale": 3}, r"start_scale=3: this pyramid has scales 0 \(coarse\) to 2 \(fine\)"),
        ({"start_scale": -1}, "start_scale=-1"),
        ({"height": 4}, "height=4 is too small.*at least 5 were expected"),
        ({"height": 20_000, "width": 20_000}, "more than 134,217,728 pixels"),
    ],
)
def test_mistakes_are_told(pyramid: Pyramid, asked: dict[str, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        sample(pyramid, **asked)
