"""A training step as the package makes it against a plain one: same weights, same batch, same losses.

The plain step is the authors' order written down straight: their generator, the discriminator's weights and
its real half differentiated in the generator's update, Adam a tensor at a time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from asap_lightning.benchmarking.authors import AuthorsAlgorithm
from asap_lightning.benchmarking.cases import FACADES, Case
from asap_lightning.benchmarking.rows import Row, numbers
from asap_lightning.benchmarking.timing import run_pairs
from asap_lightning.condition import Condition
from asap_lightning.losses import HingeLoss, PerceptualLoss, TranslationObjective
from asap_lightning.models import AsapGenerator, MultiscaleDiscriminator
from asap_lightning.models.pretrained.vgg import vgg19_layers
from asap_lightning.training.judging import judge_for_generator, judge_jointly

BETAS = (0.0, 0.9)


def training(cases: Iterable[Case], device: torch.device, *, repeats: int) -> Iterator[Row]:
    """One generator and one discriminator update, with a VGG of random weights."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vgg19.pt"
        objectives = {
            name: make_objective(path, plain=name == "authors").to(device) for name in ("authors", "ours")
        }
        apart = losses_apart(path, device)
        for case in cases:
            steps = {
                name: Step(case, objective, device, plain=name == "authors")
                for name, objective in objectives.items()
            }
            measured = run_pairs(steps, repeats=repeats, device=device)
            for name, side in measured.items():
                yield {
                    "case": case.name,
                    "side": name,
                    **numbers(side, measured["authors"]),
                    "images_per_second": 1e3 * case.batch / side.median,
                    "losses_apart": apart,
                }


def make_objective(path: Path, *, plain: bool = False) -> TranslationObjective:
    """ASAP-Net's objective; VGG's weights are random, which costs as much time as the real ones."""
    if not path.is_file():
        torch.manual_seed(0)
        torch.save(vgg19_layers().state_dict(), path)
    perceptual = PerceptualLoss(10.0, path, backend="torch" if plain else None)
    if plain:
        perceptual.to(memory_format=torch.contiguous_format)
    return TranslationObjective(HingeLoss(), feature_matching=10.0, perceptual=perceptual)


def losses_apart(weights: Path, device: torch.device, count: int = 10) -> float:
    """Largest relative difference of any loss over the first steps: in float64, small networks, 64 x 64.

    In float32 two runs part by themselves: the discriminator's gradient has kinks, so that noise of 1e-6 in
    an image changes it by tens of percent, and Adam with beta1 = 0 makes a full step of every sign.
    """
    case = Case("check", FACADES, 64, 64)
    narrow = {"s1": 2, "s2": 4, "lowres_width": 16, "lowres_max_width": 64, "lowres_depth": 2}
    steps = {
        plain: Step(
            case,
            make_objective(weights, plain=plain).to(device, torch.float64),
            device,
            plain=plain,
            dtype=torch.float64,
            **narrow,
        )
        for plain in (True, False)
    }
    worst = 0.0
    for _ in range(count):
        theirs, ours = steps[True](), steps[False]()
        for name, value in theirs.items():
            worst = max(worst, abs(ours[name] - value) / max(abs(value), 1e-3))
    return worst


class Step:
    """Calling it makes one training step and returns the losses by name.

    Args:
        case: model and size.
        objective: the losses.
        device: where.
        plain: the authors' way instead of the package's.
        dtype: of all computation.
        settings: further arguments of the generator.
    """

    def __init__(
        self,
        case: Case,
        objective: TranslationObjective,
        device: torch.device,
        *,
        plain: bool = False,
        dtype: torch.dtype = torch.float32,
        **settings: Any,
    ) -> None:
        self.plain, self.objective, self.dtype = plain, objective, dtype
        self.generator: AsapGenerator = case.generator(device, **settings).to(dtype).train()
        self.render: nn.Module = AuthorsAlgorithm(self.generator) if plain else self.generator
        torch.manual_seed(0)
        self.discriminator = MultiscaleDiscriminator(case.spec).to(device, dtype).train()
        self.condition = case.condition(device)
        random = torch.Generator().manual_seed(2)
        photo = torch.rand(case.batch, 3, case.height, case.width, generator=random) * 2 - 1
        self.photo = photo.to(device, dtype)
        how: dict[str, Any] = {"foreach": False} if plain else {"fused": True}
        self.optimizers = [
            torch.optim.Adam(network.parameters(), lr=rate, betas=BETAS, **how)
            for network, rate in ((self.generator, 1e-4), (self.discriminator, 4e-4))
        ]

    def __call__(self) -> dict[str, float]:
        """One generator update, then one discriminator update on a fresh image."""
        planes = self.generator.spec.encode(self.condition, self.dtype)
        terms = self._generator_update(planes)
        with torch.no_grad():
            fresh = self._image(self.condition)
        fake, real = judge_jointly(self.discriminator, planes, fresh, self.photo)
        losses = self.objective.discriminator_terms(fake, real)
        self._update(losses, self.optimizers[1])
        return {name: value.item() for name, value in (terms | losses).items()}

    def _image(self, condition: Condition) -> Tensor:
        image: Tensor = self.render(condition).image
        return image

    def _generator_update(self, planes: Tensor) -> dict[str, Tensor]:
        image = self._image(self.condition)
        if self.plain:
            fake, real = judge_jointly(self.discriminator, planes, image, self.photo)
            real_features: Any = [[feature.detach() for feature in scale] for scale in real]
        else:
            self.discriminator.requires_grad_(False)
            fake, real_features = judge_for_generator(
                self.discriminator, planes, image, self.photo, with_real=True
            )
        terms = self.objective.generator_terms(image, self.photo, fake=fake, real=real_features)
        self._update(terms, self.optimizers[0])
        self.discriminator.requires_grad_(True)
        return terms

    def _update(self, terms: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> None:
        for each in self.optimizers:
            each.zero_grad(set_to_none=True)
        torch.stack(list(terms.values())).sum().backward()
        optimizer.step()
