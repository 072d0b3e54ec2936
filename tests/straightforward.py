"""A scale's iteration by autograd, one step after the other, to compare the written-out passes with."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from asap_lightning.singan.levels import pad
from asap_lightning.singan.losses import weighted_mean
from asap_lightning.singan.updates import ScaleTraining

Terms = dict[str, Tensor]


def gradient_penalty(critic: nn.Module, mixed: Tensor) -> Tensor:
    mixed = mixed.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)
    return ((gradient.norm(2, dim=1) - 1) ** 2).mean()


def critic_terms(
    critic: nn.Module,
    real: Tensor,
    fake: Tensor,
    alpha: Tensor,
    penalty: float,
    patches: Tensor | None = None,
) -> Terms:
    terms = {"real": -weighted_mean(critic(real), patches), "fake": critic(fake).mean()}
    terms["penalty"] = penalty * gradient_penalty(critic, alpha * real + (1 - alpha) * fake)
    return terms


def detached(terms: Terms) -> Terms:
    return {name: value.detach() for name, value in terms.items()}


def iterate(
    training: ScaleTraining, generator: nn.Module, critic: nn.Module, optimizers: tuple[Optimizer, Optimizer]
) -> tuple[list[Terms], list[Terms]]:
    """As `ScaleTraining.iterate`, on the same random numbers."""
    settings, noises, real = training.settings, training.noises, training.real
    if training.coarsest:
        training.fixed_noise = noises.noise()
    noise, judged, made = noises.noise(), [], []
    for _ in range(settings.discriminator_steps):
        previous = pad(noises.previous(), training.width)
        entering = noise if training.coarsest else training.amplitude * noise + previous
        fake = generator(entering, previous)
        patches = training.critic.patches
        terms = critic_terms(critic, real, fake.detach(), noises.alpha(), settings.penalty, patches)
        optimizers[0].zero_grad()
        for term in terms.values():  # one after the other, as the published program adds them up
            term.backward(inputs=list(critic.parameters()))
        optimizers[0].step()
        judged.append(detached(terms))
    for step in range(settings.generator_steps):
        if step and not settings.published_gradients:
            fake = generator(entering, previous)
        terms = {"adversarial": -critic(fake).mean()}
        if settings.reconstruction:
            rebuilt = generator(training.amplitude * training.fixed_noise + training.below, training.below)
            if training.region is None:
                error = F.mse_loss(rebuilt, real)
            else:
                error = weighted_mean((rebuilt - real).square(), training.region)
            terms["reconstruction"] = settings.reconstruction * error
        optimizers[1].zero_grad()
        weights = tuple(generator.parameters())
        for term in terms.values():
            term.backward(inputs=weights, retain_graph=settings.published_gradients)
        with torch.autograd._unsafe_preserve_version_counter(weights):
            optimizers[1].step()
        made.append(detached(terms))
    return judged, made
