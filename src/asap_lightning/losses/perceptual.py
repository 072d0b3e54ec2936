"""Perceptual loss: L1 distance of a fixed network's features (Johnson et al., 2016; weights of pix2pixHD)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from asap_lightning.errors import UserError
from asap_lightning.models.pretrained.efficientnet_lite0 import EfficientNetLite0, load_efficientnet_lite0
from asap_lightning.models.pretrained.vgg import load_vgg19
from asap_lightning.ops.fixed_convolution import FixedConvolution, can_run_fixed

Network = Literal["vgg19", "efficientnet_lite0"]
Precision = Literal["float32", "bfloat16", "float16"]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
RELU_LAYERS = (1, 6, 11, 20, 29)  # relu1_1, relu2_1, relu3_1, relu4_1, relu5_1
VGG_SHARES = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)
EFFICIENTNET_MAGNITUDES = (4.7, 7.0, 6.6, 5.3, 2.1)
"""Mean absolute value of EfficientNet-Lite0's five stages on photos of facades: a stage is measured in it."""
OTHERWISE = (
    "  or take a network whose weights come as a package:  loss.perceptual.network=efficientnet_lite0\n"
)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class PerceptualLoss(nn.Module):
    """weight x sum_l w_l |Phi_l(fake) - Phi_l(real)|_1, at VGG-19's relu1_1 .. relu5_1.

    With EfficientNet-Lite0, for machines without VGG's weights: at its five stages, each divided by its mean
    magnitude, so that the term counts about as much beside the others. It is another loss: figures of the
    papers are VGG's.

    Args:
        weight: factor of the whole term (10 in ASAP-Net, pix2pixHD, SPADE).
        weights: a state dict in torchvision's layout (VGG-19), timm's or the package's (EfficientNet-Lite0);
            None reads torchvision's cache, or the package.
        layer_weights: w_l of the five layers; None takes the papers' 1/32 .. 1 of VGG-19, and 1/5 each of
            EfficientNet-Lite0.
        imagenet_normalize: False feeds images in [-1, 1] as the authors do; True maps them to ImageNet's
            mean and deviation, as VGG was trained.
        precision: of VGG's convolutions; distances are summed in float32 all the same.
        backend: as of `asap_lightning.ops`: ``native`` (chosen where it can run) convolves VGG by Winograd's
            minimal filtering on the CPU, ``torch`` leaves it to PyTorch.
        network: ``vgg19`` (the papers') or ``efficientnet_lite0``.

    Raises:
        UserError: when the weights are missing or are not the network's.
    """

    mean: Tensor
    std: Tensor
    layers: tuple[int, ...] = RELU_LAYERS
    minimum_size = 16
    """Least height and width: each of the four poolings before the last layer halves them."""

    def __init__(
        self,
        weight: float = 10.0,
        weights: str | Path | None = None,
        layer_weights: Sequence[float] | None = None,
        imagenet_normalize: bool = False,
        precision: Precision = "float32",
        backend: str | None = None,
        network: Network = "vgg19",
    ) -> None:
        super().__init__()
        if network not in get_args(Network):
            raise ValueError(f"network must be one of {', '.join(get_args(Network))}, got {network!r}")
        if imagenet_normalize and network != "vgg19":
            raise ValueError(f"imagenet_normalize is VGG's; {network} always reads images as it was trained")
        if precision not in DTYPES:
            raise ValueError(f"precision must be one of {', '.join(DTYPES)}, got {precision!r}")
        if layer_weights is None:
            layer_weights = VGG_SHARES if network == "vgg19" else (0.2,) * len(EFFICIENTNET_MAGNITUDES)
        if len(layer_weights) != len(self.layers):
            raise ValueError(f"layer_weights needs {len(self.layers)} numbers, got {len(layer_weights)}")
        self.weight = weight
        self.layer_weights = tuple(float(value) for value in layer_weights)
        self.imagenet_normalize = imagenet_normalize
        self.precision, self.backend = precision, backend
        self.features = self._fixed(network, weights)
        self._packed = _Packed()
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

        self.register_load_state_dict_post_hook(_forget_missing)

    def _fixed(self, network: Network, weights: str | Path | None) -> nn.Sequential | EfficientNetLite0:
        if network == "efficientnet_lite0":
            try:
                return load_efficientnet_lite0(weights)
            except UserError as error:
                raise UserError(f"loss.perceptual.network={network}: {error}") from error
        features = load_vgg19(weights, OTHERWISE)[: self.layers[-1] + 1].eval().requires_grad_(False)
        return features.to(memory_format=torch.channels_last)

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Nothing: the network is fixed and read from its own file, so it stays out of checkpoints."""
        return kwargs.get("destination", args[0] if args else {})

    def train(self, mode: bool = True) -> PerceptualLoss:
        """The network is fixed: it stays in evaluation mode."""
        return super().train(False)

    def describe(self, image: Tensor) -> list[Tensor]:
        """The five feature maps of images (B, 3, H, W) in [-1, 1]."""
        if self.imagenet_normalize:
            image = ((image + 1) / 2 - self.mean) / self.std
        if self.precision == "float32":
            return self._walk(image)
        with torch.autocast(image.device.type, DTYPES[self.precision]):
            return self._walk(image)

    def _walk(self, image: Tensor) -> list[Tensor]:
        if isinstance(self.features, EfficientNetLite0):
            maps = self.features.stages((image + 1) * 127.5)
            return [found / usual for found, usual in zip(maps, EFFICIENTNET_MAGNITUDES, strict=True)]
        return self._walk_vgg(self.features, image.contiguous(memory_format=torch.channels_last))

    def _walk_vgg(self, features: nn.Sequential, image: Tensor) -> list[Tensor]:
        """Layer by layer; a convolution and the ReLU after it may be one packed step."""
        maps = []
        done = -1
        for index, layer in enumerate(features):
            if index <= done:
                continue
            if isinstance(layer, nn.Conv2d) and can_run_fixed(layer.weight, image, self.backend):
                image, done = self._packed.of(index, layer)(image), index + 1
            else:
                image, done = layer(image), index
            if done in self.layers:
                maps.append(image)
        return maps

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        """The weighted distance, a scalar; gradients flow into ``fake`` only."""
        with torch.no_grad():
            targets = self.describe(real)
        pairs = zip(self.layer_weights, self.describe(fake), targets, strict=True)
        return self.weight * torch.stack([w * F.l1_loss(f.float(), t.float()) for w, f, t in pairs]).sum()


class _Packed:
    """The packed convolutions by layer, made when they are first used; a copy of the loss makes its own."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Tensor, int, FixedConvolution]] = {}

    def of(self, index: int, layer: nn.Conv2d) -> FixedConvolution:
        """The convolution of this layer's weights as they are now."""
        assert layer.bias is not None
        weight, version = layer.weight, layer.weight._version
        found = self._made.get(index)
        if found is None or found[0] is not weight or found[1] != version:
            found = (weight, version, FixedConvolution(weight, layer.bias))
            self._made[index] = found
        return found[2]

    def __deepcopy__(self, memo: dict[int, Any]) -> _Packed:
        return _Packed()

    def __reduce__(self) -> tuple[type[_Packed], tuple[()]]:
        return _Packed, ()


def _forget_missing(module: nn.Module, incompatible: Any) -> None:
    """A checkpoint without the fixed network's weights is complete."""
    assert isinstance(module, PerceptualLoss)
    own = tuple(f"features.{name}" for name in module.features.state_dict())
    incompatible.missing_keys[:] = [k for k in incompatible.missing_keys if not k.endswith(own)]
