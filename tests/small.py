"""The small networks, and the overrides of ``asap train`` for them, that the tests share.

A step takes some ten milliseconds. A test that depends on a size says that size itself, on top of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asap_lightning.condition import ConditionSpec
    from asap_lightning.models import AsapGenerator

NETWORKS: dict[str, dict[str, Any]] = {
    "AsapGenerator": {
        "s1": 1,
        "s2": 4,
        "mlp_width": 8,
        "mlp_depth": 3,
        "lowres_width": 6,
        "lowres_max_width": 10,
        "lowres_depth": 1,
    },
    "UNetGenerator": {"depth": 5, "width": 2, "dropout": 0.0},
    "ResnetGenerator": {"width": 2, "blocks": 2},
    "Pix2pixHDGenerator": {
        "width": 2,
        "downs": 2,
        "blocks": 1,
        "enhancer_blocks": 1,
        "encoder_width": 2,
        "encoder_downs": 2,
    },
    "SpadeGenerator": {"width": 2, "hidden": 4},
    "CcFpseGenerator": {"width": 2},
    "CocosnetGenerator": {"width": 2, "match_width": 2, "hidden": 4, "iterations": 2},
    "CppnGenerator": {"width": 8, "depth": 3, "tile": 8, "frequencies": 4},
    "CrnGenerator": {"height": 32, "width": 8},
    "HdrnetGenerator": {"size": 32, "cells": 4, "depth": 2, "guide_points": 4},
    "SimsGenerator": {"height": 32, "width": 2},
}
"""Class -> the arguments that make it small."""

ASAP = NETWORKS["AsapGenerator"]

NETWORK = (
    "generator=asap_small",
    *(f"generator.{name}={value}" for name, value in ASAP.items()),
    "discriminator.width=4",
    "loss=hinge_l1",
)
"""A generator and a discriminator of a few thousand parameters, without VGG."""

QUIET = (
    "logger=none",
    "callbacks=none",
    "trainer.accelerator=cpu",
    "+trainer.enable_progress_bar=false",
)
"""Nothing but the training itself, on the CPU."""


def data(side: int = 64, batch_size: int = 2) -> tuple[str, ...]:
    """Square pictures, read in the process itself."""
    return (
        f"data.height={side}",
        f"data.width={side}",
        f"data.batch_size={batch_size}",
        "data.num_workers=0",
    )


TRAIN = (*NETWORK, *QUIET, *data())
"""Overrides of a small training; ``data.root`` is the test's."""


def asap_generator(spec: ConditionSpec, **settings: Any) -> AsapGenerator:
    """A small ASAP-Net with other settings where they are given."""
    from asap_lightning.models import AsapGenerator

    return AsapGenerator(spec, **{**ASAP, **settings})


FACADES = ("data=facades", "data.layout.split=ratio", "data.height=64", "data.width=64")
"""The drawn facades, as a command without Hydra takes them."""

SIMS = (
    "generator=sims",
    "generator.width=2",
    "discriminator=none",
    "loss=sims",
    "loss.perceptual=null",
    "loss.l1=1",
    *QUIET,
    *data(),
)
"""Overrides of a small training of SIMS; ``data.root`` and ``data.bank`` are the test's."""


def fitted_losses(network, given, target, *, rate, steps):
    """Mean squared errors of a network that learns one image or batch by heart, step by step."""
    import torch

    optimizer = torch.optim.Adam(network.parameters(), rate)
    losses = []
    for _ in range(steps):
        loss = torch.nn.functional.mse_loss(network(given).image, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
