"""Networks that describe images by a vector each: what each wants to see, and where its weights come from.

Axes: B batch, D features.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import torch
from torch import Tensor, nn

from asap_lightning.errors import Unavailable, UserError
from asap_lightning.metrics.features.resizing import clean_resized, resized
from asap_lightning.metrics.metric import Bench
from asap_lightning.metrics.pairs import Images
from asap_lightning.metrics.refusals import refusing
from asap_lightning.models.pretrained.efficientnet_lite0 import (
    INSTALL,
    EfficientNetLite0,
    load_efficientnet_lite0,
)
from asap_lightning.models.pretrained.weights import load_into, weight_file
from asap_lightning.untrusted import load_torch

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
INCEPTION_FILE = "weights-inception-2015-12-05-6726825d.pth"
INCEPTION_URL = f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{INCEPTION_FILE}"
Resize = Literal["standard", "clean"]


class FeatureNetwork(Protocol):
    """A network that describes images.

    Attributes:
        dimension: D.
    """

    dimension: int

    def __call__(self, images: Images) -> Tensor:
        """(B, D) float32."""


def load_network(key: str, bench: Bench) -> FeatureNetwork:
    """The network of a kind's key.

    Raises:
        Unavailable: its weights or a package are missing.
        UserError: settings that it refuses.
    """
    return LOADERS[key](bench)


def placed(network: nn.Module, like: Tensor) -> nn.Module:
    """The network on the device of some images; it moves once."""
    first = next(network.parameters(), None)
    return network if first is None or first.device == like.device else network.to(like.device)


def resize_of(bench: Bench) -> Resize:
    """``evaluation.resize``.

    Raises:
        UserError: another word.
    """
    chosen: Resize = bench.settings.get("resize", "standard")
    if chosen not in get_args(Resize):
        raise UserError(f"evaluation.resize={chosen}: one of {', '.join(get_args(Resize))} was expected")
    return chosen


def setting(bench: Bench, group: str, key: str) -> Any:
    """``evaluation.<group>.<key>``; None where it is not set."""
    node = bench.settings.get(group)
    return node.get(key) if isinstance(node, Mapping) else None


class EfficientNetFeatures:
    """EfficientNet-Lite0's pooled features, of images at their own size.

    Args:
        network: with weights.
    """

    dimension = EfficientNetLite0.dimension

    def __init__(self, network: EfficientNetLite0) -> None:
        self.network = network

    def __call__(self, images: Images) -> Tensor:
        """(B, 1280)."""
        return self._described(images).pooled

    def stages(self, images: Images) -> list[Tensor]:
        """The five maps; worked out together with the pooled features."""
        return self._described(images).stages

    def _described(self, images: Images) -> Any:
        return images.features(placed(self.network, images.pixels))


class Resized:
    """A network that sees images resized to its own size, and normalised as it was trained.

    Args:
        network: images (B, 3, side, side), normalised -> (B, D).
        dimension: D.
        side: of what it sees.
        mean: of the colours in [0, 1].
        std: likewise.
        clean: Pillow's antialiased filter instead of torch's.
    """

    def __init__(
        self,
        network: nn.Module,
        dimension: int,
        side: int | None,
        mean: tuple[float, ...] = IMAGENET_MEAN,
        std: tuple[float, ...] = IMAGENET_STD,
        *,
        clean: bool = False,
    ) -> None:
        self.network, self.dimension, self.side, self.clean = network, dimension, side, clean
        self.mean, self.std = torch.tensor(mean).view(3, 1, 1), torch.tensor(std).view(3, 1, 1)

    def __call__(self, images: Images) -> Tensor:
        """(B, D)."""
        return images.features(self._describe)

    def _describe(self, pixels: Tensor) -> Tensor:
        resize = clean_resized if self.clean else resized
        seen = pixels.float() if self.side is None else resize(pixels, self.side)
        normal = (seen / 255 - self.mean.to(seen.device)) / self.std.to(seen.device)
        found: Tensor = placed(self.network, normal)(normal)
        if found.shape != (len(pixels), self.dimension):
            raise Unavailable(
                f"the network gave {tuple(found.shape)} for {len(pixels)} images; a vector of "
                f"{self.dimension} numbers for each was expected"
            )
        return found.float()


class InceptionFeatures:
    """The 2048 pooled features of the Inception network that FID is defined by, as torch-fidelity has them.

    Args:
        network: torch-fidelity's, which resizes as the original program does.
        clean: resize with Pillow's antialiased bicubic filter instead, as clean-fid.
    """

    dimension = 2048

    def __init__(self, network: nn.Module, *, clean: bool = False) -> None:
        self.network, self.clean = network, clean

    def __call__(self, images: Images) -> Tensor:
        """(B, 2048)."""
        return images.features(self._describe)

    def _describe(self, pixels: Tensor) -> Tensor:
        seen = clean_resized(pixels, 299).round().clamp(0, 255).to(torch.uint8) if self.clean else pixels
        (found,) = placed(self.network, seen)(seen)
        return found


def _effnet(bench: Bench) -> FeatureNetwork:
    given = setting(bench, "weights", "efficientnet_lite0")
    return EfficientNetFeatures(load_efficientnet_lite0(given))


def _inception(bench: Bench) -> FeatureNetwork:
    path = weight_file(
        "The Inception network of FID",
        INCEPTION_FILE,
        setting(bench, "weights", "inception"),
        "evaluation.weights.inception",
        "mkdir -p $(dirname {path}) && curl -L -o {path} " + INCEPTION_URL,
    )
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError as error:
        raise Unavailable("FID's Inception network needs torch-fidelity", INSTALL) from error
    with tempfile.TemporaryDirectory() as folder:
        # torch-fidelity unpickles what it is given: it gets a copy that holds tensors alone.
        copy = Path(folder) / "inception.pth"
        torch.save(load_torch(path), copy)
        try:
            network = FeatureExtractorInceptionV3(
                "inception", ["2048"], feature_extractor_weights_path=str(copy)
            )
        except (RuntimeError, TypeError, AttributeError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise UserError(
                f"{path} does not hold the weights of FID's Inception network: {reason}"
            ) from error
    return InceptionFeatures(network, clean=resize_of(bench) == "clean")


def _dinov2(bench: Bench) -> FeatureNetwork:
    try:
        import timm
    except ImportError as error:
        raise Unavailable("DINOv2 needs timm, which is not installed", INSTALL) from error
    name = bench.settings.get("dinov2") or "vit_large_patch14_dinov2.lvd142m"
    if name.partition(".")[0] not in timm.list_models("*dinov2*"):
        known = ", ".join(timm.list_models("*dinov2*"))
        raise UserError(f"evaluation.dinov2={name}: one of {known} was expected")
    path = weight_file(
        f"DINOv2 ({name})",
        f"{name}.pth",
        setting(bench, "weights", "dinov2"),
        "evaluation.weights.dinov2",
        f"python -c \"import timm, torch; torch.save(timm.create_model('{name}', pretrained=True, "
        "num_classes=0).state_dict(), '{path}')\"",
    )
    network: Any = timm.create_model(name, pretrained=False, num_classes=0, dynamic_img_size=True)
    load_into(network, path, f"DINOv2 ({name})")
    return Resized(network, int(network.num_features), 224, clean=resize_of(bench) == "clean")


def _custom(bench: Bench) -> FeatureNetwork:
    from asap_lightning.metrics.features.layer import OutputOf

    node = bench.settings.get("custom") or {}
    network, weights = node.get("network"), node.get("weights")
    if network is None or weights is None:
        raise UserError(
            "the metrics of your own network need evaluation.custom.network (a _target_ and its arguments) "
            "and evaluation.custom.weights=FILE; evaluation.custom.layer names the layer (else the output)"
        )
    if not isinstance(network, nn.Module):
        raise UserError(f"evaluation.custom.network made a {type(network).__name__}; a module was expected")
    if not Path(weights).is_file():
        raise UserError(f"evaluation.custom.weights={weights}: there is no such file")
    described = OutputOf(load_into(network, Path(weights), type(network).__name__), node.get("layer"))
    side = node.get("size")
    tried = _tried(described, side)
    mean, std = node.get("mean") or IMAGENET_MEAN, node.get("std") or IMAGENET_STD
    clean = resize_of(bench) == "clean"
    return Resized(described, int(tried.shape[1]), side, tuple(mean), tuple(std), clean=clean)


def _tried(described: nn.Module, side: int | None) -> Tensor:
    """What the network gives for one black image, of 256 pixels a side where it is given any size.

    Raises:
        UserError: it cannot take that.
    """
    pixels = side or 256
    try:
        with torch.no_grad(), refusing(["black"], (pixels, pixels)):
            tried: Tensor = described(torch.zeros(1, 3, pixels, pixels))
    except Unavailable as reason:
        raise UserError(
            f"evaluation.custom.network, evaluation.custom.size={'null' if side is None else side}: "
            f"{reason.reason}; give the side that it wants, or another layer"
        ) from reason
    return tried


LOADERS = {"inception": _inception, "effnet": _effnet, "dinov2": _dinov2, "custom": _custom}
