"""Small generators with weights that make pictures, which the tests of exports share."""

from __future__ import annotations

from typing import Any

import torch

import small
from asap_lightning.building import build
from asap_lightning.checkpoint import ModelDescription
from asap_lightning.condition import ConditionSpec
from asap_lightning.models import Generator

LABELS = ConditionSpec(num_classes=3, has_unknown=True, class_names=("wall", "door", "sky"))
EDGES = ConditionSpec(num_classes=3, instance_edges=True)
PICTURES = ConditionSpec("image", channels=3)
DEPTHS = ConditionSpec("depth", channels=1)
SYSTEMS: dict[str, tuple[str, dict[str, Any]]] = {
    "asap": ("AsapGenerator", {"init_gain": 0.7}),
    "asap, bilinear": ("AsapGenerator", {"init_gain": 0.7, "phi_mode": "bilinear"}),
    "asap, constant": ("AsapGenerator", {"init_gain": 0.7, "phi_mode": "constant"}),
    "pix2pix": ("UNetGenerator", {"depth": 6, "dropout": 0.5, "init_std": 0.2}),
    "pix2pix, residual": ("ResnetGenerator", {"init_std": 0.2}),
    "pix2pixHD": ("Pix2pixHDGenerator", {"enhancers": 1, "init_std": 0.2}),
    "pix2pixHD, features": ("Pix2pixHDGenerator", {"features": 3, "init_std": 0.2}),
    "SPADE": ("SpadeGenerator", {"init_gain": 1.0}),
    "SPADE, style": (
        "SpadeGenerator",
        {"init_gain": 1.0, "style": 4, "image_size": [64, 96], "encoder_width": 2, "encoder_layers": 5},
    ),
    "CRN": ("CrnGenerator", {}),
    "CRN, diverse": ("CrnGenerator", {"images": 3}),
    "CPPN": ("CppnGenerator", {}),
    "CPPN, sinusoids": ("CppnGenerator", {"encoding": "sinusoids"}),
    "CPPN, Fourier features, atan": ("CppnGenerator", {"encoding": "fourier", "activation": "atan"}),
    "F-CPPN": ("CppnGenerator", {"coefficients": [2, 3]}),
    "HDRNet": ("HdrnetGenerator", {}),
    "HDRNet, pointwise": ("HdrnetGenerator", {"guide": "pointwise"}),
    "SIMS": ("SimsGenerator", {}),
    "CC-FPSE": ("CcFpseGenerator", {"hidden": 4, "init_gain": 1.0}),
}
"""Name -> class and arguments on top of `small.NETWORKS`."""


def node_of(system: str) -> dict[str, Any]:
    """The description of a system's generator."""
    name, settings = SYSTEMS[system]
    return {"_target_": f"asap_lightning.models.{name}", **small.NETWORKS[name], **settings}


def made(system: str, spec: ConditionSpec = LABELS) -> Generator:
    """A generator whose statistics have seen some conditions, in evaluation mode."""
    torch.manual_seed(3)
    generator = build(node_of(system), "generator", spec=spec)
    assert isinstance(generator, Generator)
    if system.startswith(("SPADE", "CC-FPSE")):  # power iterations and running means
        from asap_lightning.condition import Condition

        size = (64, 96)
        with torch.no_grad():
            for _ in range(5):
                kind = (
                    {"label": torch.randint(spec.label_channels, (2, *size))} if spec.kind == "label" else {}
                )
                picture = {} if kind else {"image": torch.rand(2, spec.channels, *size) * 2 - 1}
                edges = {"instance": torch.randint(3, (2, *size))} if spec.instance_edges else {}
                generator.train()(Condition(**kind, **picture, **edges))
    return generator.eval()


def description(system: str, spec: ConditionSpec = LABELS) -> ModelDescription:
    """As a checkpoint of it would have one."""
    return ModelDescription(spec=spec.as_dict(), generator=node_of(system), config={"name": "small"})
