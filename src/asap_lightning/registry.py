"""What a file may name: the one table of the parts that are built from stored descriptions, by role.

A checkpoint or an index of shards may come from a stranger. Whatever it names that is not in this table is
refused before anything is imported: a name from a file is only compared with these constants, and what is
imported is the constant.

A new generator, discriminator, norm or layout is one line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal, get_args

RoleName = Literal[
    "generator",
    "discriminator",
    "encoder",
    "segmenter",
    "singan",
    "pieces",
    "norm",
    "weight_norm",
    "layout",
    "original",
    "data",
]
ROLE_NAMES: tuple[RoleName, ...] = get_args(RoleName)

LARGEST_SIDE = 16_384
"""Pixels of a side, channels of a layer or number of layers that no network here has more of."""


@dataclass(frozen=True)
class Role:
    """What may stand at one kind of place in a description.

    Attributes:
        names: full names as descriptions hold them.
        base: full name of the class that they derive from; None for functions.
        parts: arguments that may hold a part themselves, with its role; it is handed over as a factory.
        largest: whole numbers among the arguments are at most this, in either direction.
        limits: other bounds, by argument.
    """

    names: tuple[str, ...]
    base: str | None
    parts: Mapping[str, RoleName] = field(default_factory=dict)
    largest: int = LARGEST_SIDE
    limits: Mapping[str, int] = field(default_factory=dict)


_LAYOUTS = (
    "asap_lightning.data.layouts.Ade20k",
    "asap_lightning.data.layouts.Cityscapes",
    "asap_lightning.data.layouts.CmpFacades",
    "asap_lightning.data.layouts.DeepFashionPoses",
    "asap_lightning.data.layouts.NyuDepth",
    "asap_lightning.data.layouts.Photos",
    "asap_lightning.data.layouts.Pix2PixHDFolders",
    "asap_lightning.data.layouts.SideBySide",
    "asap_lightning.data.layouts.SpadeFolders",
    "asap_lightning.data.layouts.TwoFolders",
)
_LAYOUT = "asap_lightning.data.layouts.Layout"
_MODULE = "torch.nn.Module"
_MANY = 2**31 - 1
_MANY_CLASSES = 2**16

ROLES: dict[RoleName, Role] = {
    "generator": Role(
        names=(
            "asap_lightning.models.AsapGenerator",
            "asap_lightning.models.CcFpseGenerator",
            "asap_lightning.models.CocosnetGenerator",
            "asap_lightning.models.CppnGenerator",
            "asap_lightning.models.CrnGenerator",
            "asap_lightning.models.HdrnetGenerator",
            "asap_lightning.models.Pix2pixHDGenerator",
            "asap_lightning.models.ResnetGenerator",
            "asap_lightning.models.SimsGenerator",
            "asap_lightning.models.SpadeGenerator",
            "asap_lightning.models.UNetGenerator",
        ),
        base="asap_lightning.models.Generator",
        parts={
            "norm": "norm",
            "pyramid_norm": "norm",
            "shortcut_norm": "norm",
            "weight_norm": "weight_norm",
        },
    ),
    "discriminator": Role(
        names=(
            "asap_lightning.models.FpseDiscriminator",
            "asap_lightning.models.MultiscaleDiscriminator",
            "asap_lightning.models.PatchGan",
            "asap_lightning.models.Pix2pixHDDiscriminator",
            "asap_lightning.models.PixelGan",
        ),
        base="asap_lightning.models.Discriminator",
        parts={"norm": "norm"},
    ),
    "encoder": Role(
        names=(
            "asap_lightning.models.cocosnet.CorrespondencePyramid",
            "asap_lightning.models.cocosnet.PatchMatch",
            "asap_lightning.models.hdrnet.CoefficientNetwork",
            "asap_lightning.models.hdrnet.CurveGuide",
            "asap_lightning.models.pix2pixhd.InstanceEncoder",
            "asap_lightning.models.spade.StyleEncoder",
        ),
        base=_MODULE,
        parts={"norm": "norm"},
    ),
    "segmenter": Role(
        names=(
            "asap_lightning.models.segmenters.CompactUNet",
            "asap_lightning.models.segmenters.DeepLabV2",
            "asap_lightning.models.segmenters.DilatedResnet",
            "asap_lightning.models.segmenters.Fcn8s",
            "asap_lightning.models.segmenters.UPerNet",
        ),
        base=_MODULE,
    ),
    "singan": Role(
        names=(
            "asap_lightning.singan.networks.ScaleDiscriminator",
            "asap_lightning.singan.networks.ScaleGenerator",
        ),
        base=_MODULE,
    ),
    "pieces": Role(
        names=("asap_lightning.models.sims.AlignmentNetwork", "asap_lightning.models.sims.OrderNetwork"),
        base=_MODULE,
        largest=_MANY_CLASSES,
        limits={"width": 1024},
    ),
    "norm": Role(
        names=(
            "asap_lightning.models.layers.BatchStatisticsNorm2d",
            "asap_lightning.models.layers.PositionalNorm2d",
            "torch.nn.BatchNorm2d",
            "torch.nn.Identity",
            "torch.nn.InstanceNorm2d",
        ),
        base=_MODULE,
    ),
    "weight_norm": Role(
        names=("asap_lightning.models.layers.spectral_norm", "asap_lightning.models.layers.unchanged"),
        base=None,
    ),
    "layout": Role(
        names=(*_LAYOUTS, "asap_lightning.data.layouts.Shards"),
        base=_LAYOUT,
        largest=_MANY,
    ),
    "original": Role(names=_LAYOUTS, base=_LAYOUT, largest=_MANY),  # of shards, which are made of no shards
    "data": Role(
        names=("asap_lightning.data.PairedData", "asap_lightning.data.PairedDataModule"),
        base="asap_lightning.data.PairedData",
        parts={"layout": "layout"},
        largest=_MANY,
        limits={
            **dict.fromkeys(("height", "width", "load_height", "load_width"), LARGEST_SIDE),
            **dict.fromkeys(("batch_size", "eval_batch_size"), 4_096),
            "num_workers": 256,
        },
    ),
}


def located(name: str) -> Any:
    """The class or function of a full name in this table."""
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)


def role_of(name: str) -> RoleName:
    """The role in which a name is listed, for descriptions that this program has made itself.

    Raises:
        ValueError: it is not in the table.
    """
    for role in ROLE_NAMES:
        if name in ROLES[role].names:
            return role
    raise ValueError(f"{name} is not in the registry of what a description may name")
