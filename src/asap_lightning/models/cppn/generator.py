"""The CPPN generator: ASAP-Net without its low-res stream, one MLP for the whole image and every image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models.cppn.coordinates import fourier_features, plain_coordinates, waves
from asap_lightning.models.cppn.pixels import TILE, ArcTanMlp, SharedMlp
from asap_lightning.models.generator import Generator, GeneratorOutput
from asap_lightning.ops.dispatch import requested_backend
from asap_lightning.ops.layout import MlpLayout

Encoding = Literal["plain", "sinusoids", "fourier"]
Activation = Literal["leaky_relu", "atan"]
LARGEST_TILE = 1024


class CppnGenerator(Generator):
    """A compositional pattern-producing network: colour = f(place, condition at the pixel; phi).

    What ASAP-Net adds to it is that phi is predicted for each tile. Its pixelwise stream runs here too, with
    phi a trained constant.

    Args:
        spec: the kind of condition; instance edges, if any, are one more plane.
        encoding: of the place: ``plain`` (x and y in +-sqrt 3), ``sinusoids`` (ASAP-Net's, of the place in a
            tile: the image is then a multiple of ``tile``), or ``fourier`` (cos and sin of 2 pi B v,
            B ~ N(0, s^2), v in [0, 1]^2; Tancik et al., 2020).
        activation: ``leaky_relu`` (ASAP-Net's, which the fast operations have), or ``atan``: 1x1 convolutions
            followed by (atan a, atan^2 a) / 0.67.
        width: hidden channels.
        depth: layers, the last one among them.
        tile: side of the tiles in which sinusoids repeat, a power of two.
        frequencies: rows of B, with ``encoding=fourier``.
        frequency_std: s.
        seed: decides B, which is stored with the weights.
        coefficients: H_F and W_F of F-CPPN (arXiv 1909.09273): the MLP gives so many complex coefficients F a
            pixel and colour, and the image is Re sum F[v, u] e^(2 pi i (u x / W_F + v y / H_F)) /
            sqrt(W_F H_F), x and y in pixels. 1 x 1 is the plain network. The sum is not bounded; in
            evaluation mode the image is clamped to [-1, 1].
        backend: of the operations; None chooses.

    Extras of its output, beyond 1 x 1 coefficients: ``coefficients`` (B, 3, 2, H_F, W_F, H, W), real and
    imaginary parts.

    Raises:
        ValueError: settings that make no such network.
    """

    frequencies: Tensor

    def __init__(
        self,
        spec: ConditionSpec,
        *,
        encoding: Encoding = "plain",
        activation: Activation = "leaky_relu",
        width: int = 64,
        depth: int = 5,
        tile: int = 32,
        frequencies: int = 64,
        frequency_std: float = 10.0,
        seed: int = 0,
        coefficients: Sequence[int] = (1, 1),
        backend: str | None = None,
    ) -> None:
        super().__init__()
        requested_backend(backend)  # refuses another name now, not at the first image
        self.coefficients = _checked(encoding, activation, tile, frequencies, coefficients)
        self.spec, self.encoding, self.draws = spec, encoding, False
        places = {"plain": 2, "sinusoids": 0, "fourier": 2 * frequencies}[encoding]
        if encoding == "fourier":
            self.register_buffer("frequencies", torch.empty(frequencies, 2))
            if not self.frequencies.is_meta:
                self.frequencies.normal_(0, frequency_std, generator=torch.Generator().manual_seed(seed))
        rows, columns = self.coefficients
        outputs = 3 if rows * columns == 1 else 6 * rows * columns
        self.mlp: SharedMlp | ArcTanMlp
        if activation == "atan":
            if encoding == "sinusoids":
                raise ValueError(
                    "encoding=sinusoids is the fast operation's own; for activation=atan take another"
                )
            self.mlp = ArcTanMlp(spec.dense_channels + places, width=width, depth=depth - 1, outputs=outputs)
            return
        layout = MlpLayout(
            tile if encoding == "sinusoids" else TILE,
            width,
            depth,
            num_classes=spec.label_channels,
            image_channels=spec.dense_channels - spec.label_channels + places,
            out_channels=outputs,
            positional_encoding=encoding == "sinusoids",
        )
        self.mlp = SharedMlp(layout, backend=backend)
        self.size_multiple = tile if encoding == "sinusoids" else 1

    def places(self, condition: Condition, like: Tensor) -> Tensor | None:
        """The encoded places (K, H, W); None where the operation encodes them itself."""
        if self.encoding == "plain":
            return plain_coordinates(condition.height, condition.width, like)
        if self.encoding == "fourier":
            return fourier_features(condition.height, condition.width, self.frequencies)
        return None

    def predict(self, condition: Condition) -> Tensor:
        """The MLP's result for every pixel (B, O, H, W)."""
        like = next(self.mlp.parameters())
        dense = isinstance(self.mlp, ArcTanMlp)
        labels = self.spec.kind == "label" and not dense
        planes = [] if labels else [self.spec.encode_planes(condition, like.dtype)]
        if self.spec.instance_edges:
            planes.append(self.spec.encode(condition, like.dtype)[:, self.spec.planes :])
        places = self.places(condition, like)
        if places is not None:
            planes.append(places.expand(condition.batch_size, -1, -1, -1))
        image = torch.cat(planes, dim=1) if planes else None
        if isinstance(self.mlp, ArcTanMlp):
            assert image is not None
            return self.mlp(image)
        return self.mlp(condition.require_label() if labels else None, image)

    def forward(self, condition: Condition) -> GeneratorOutput:
        self.check_size(condition.height, condition.width)
        made = self.predict(condition)
        rows, columns = self.coefficients
        if rows * columns == 1:
            return GeneratorOutput(made)
        parts = made.unflatten(1, (3, 2, rows, columns))
        cos, minus_sin = waves(condition.height, condition.width, rows, columns, made)
        real, imaginary = parts.flatten(3, 4).unbind(2)
        image = ((real * cos).sum(2) + (imaginary * minus_sin).sum(2)) / (rows * columns) ** 0.5
        if not self.training:
            image = image.clamp(-1, 1)
        return GeneratorOutput(image, {"coefficients": parts})


def _checked(
    encoding: str, activation: str, tile: int, frequencies: int, coefficients: Sequence[int]
) -> tuple[int, int]:
    """Refuses settings that make no network; returns H_F and W_F."""
    if encoding not in ("plain", "sinusoids", "fourier"):
        raise ValueError(f"the encoding must be plain, sinusoids or fourier, got {encoding!r}")
    if activation not in ("leaky_relu", "atan"):
        raise ValueError(f"the activation must be leaky_relu or atan, got {activation!r}")
    if tile > LARGEST_TILE:
        raise ValueError(f"a tile of {tile} pixels is too large: at most {LARGEST_TILE}")
    if frequencies < 1:
        raise ValueError(f"Fourier features need frequencies >= 1, got {frequencies}")
    if len(coefficients) != 2 or min(coefficients) < 1:
        raise ValueError(f"coefficients are H_F and W_F, each at least 1, got {list(coefficients)}")
    return int(coefficients[0]), int(coefficients[1])
