"""The ASAP-Net generator: a low-res stream that predicts, a pixelwise stream that renders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor

from asap_lightning import ops
from asap_lightning.condition import Condition, ConditionSpec, instance_edges
from asap_lightning.models.asap.interpolated import pixelwise_mlp_bilinear
from asap_lightning.models.asap.lowres_stream import LowResStream, PaddingMode
from asap_lightning.models.asap.prepared import PreparedLowRes
from asap_lightning.models.generator import Generator, GeneratorOutput
from asap_lightning.models.layers import xavier_init
from asap_lightning.ops.dispatch import requested_backend
from asap_lightning.ops.layout import MlpLayout
from asap_lightning.ops.prepared_lowres import WinogradSize

PhiMode = Literal["nearest", "bilinear", "constant"]
LARGEST_TILE = 1024
"""Sides are padded to multiples of the tile, so a larger one asks for memory that no image needs."""


def resolve_s1(height: int, s2: int, grid_rows: int = 16) -> int:
    """The authors' choice of S1: a grid of ``grid_rows`` rows, S = height / grid_rows, S1 = S / S2.

    Raises:
        ValueError: when no whole power-of-two S1 gives that grid.
    """
    s1, rest = divmod(height, grid_rows * s2)
    if rest or s1 < 1 or s1 & (s1 - 1):
        raise ValueError(
            f"generator.s1=auto needs height = {grid_rows} rows x S2 = {s2} x a power of two, "
            f"got height {height}; choose data.height {grid_rows * s2}, {grid_rows * s2 * 2}, "
            f"{grid_rows * s2 * 4}, .. or set generator.s1, generator.s2 or generator.grid_rows"
        )
    return s1


class AsapGenerator(Generator):
    """Translates a condition with spatially-adaptive pixelwise MLPs (CVPR 2021, section 3).

    y_p = f(x_p, enc(p); phi_tile(p)),   phi = G(downsample(x, S1)),   S = S1 S2

    Args:
        spec: the kind of condition. Instance edges, if any, go to the low-res stream only.
        s1: fixed downsampling of the low-res input by a tent filter.
        s2: learned downsampling by strided convolutions.
        mlp_width: hidden channels of the pixelwise MLP.
        mlp_depth: its number of layers.
        lowres_width: channels of the low-res stream's first layers.
        lowres_max_width: channels of its body.
        lowres_depth: number of its body blocks.
        padding: of the low-res stream, ``reflection`` (facades) or ``zeros`` (Cityscapes).
        positional_encoding: whether the MLPs see the pixel's place in its tile.
        phi_mode: ``nearest`` (the method), or as ablations ``bilinear`` (phi interpolated between tile
            centres) and ``constant`` (one MLP for the whole image, phi averaged over the grid).
        init_gain: of the Xavier initialisation.
        backend: of the operations; None chooses.

    Attributes:
        layout: the MLP of a tile.

    Extras of its output: ``phi`` (B, P, H/S, W/S).
    """

    def __init__(
        self,
        spec: ConditionSpec,
        *,
        s1: int,
        s2: int = 16,
        mlp_width: int = 64,
        mlp_depth: int = 5,
        lowres_width: int = 64,
        lowres_max_width: int = 1024,
        lowres_depth: int = 7,
        padding: PaddingMode = "reflection",
        positional_encoding: bool = True,
        phi_mode: PhiMode = "nearest",
        init_gain: float = 0.02,
        backend: str | None = None,
    ) -> None:
        super().__init__()
        for name, factor in (("S1", s1), ("S2", s2)):
            if factor < 1 or factor & (factor - 1):
                raise ValueError(f"{name} must be a power of two, got {factor}")
        if phi_mode not in ("nearest", "bilinear", "constant"):
            raise ValueError(f"phi_mode must be nearest, bilinear or constant, got {phi_mode!r}")
        requested_backend(backend)  # refuses another name now, not at the first image
        if s1 * s2 > LARGEST_TILE:
            raise ValueError(f"a tile of S1 x S2 = {s1 * s2} pixels is too large: at most {LARGEST_TILE}")
        self.spec, self.s1, self.s2 = spec, s1, s2
        self.layout = MlpLayout(
            s1 * s2,
            mlp_width,
            mlp_depth,
            num_classes=spec.label_channels,
            image_channels=spec.planes - spec.label_channels,
            positional_encoding=positional_encoding,
        )
        self.size_multiple = self.tile
        self.draws = False
        self.minimum_size = (
            2 * self.tile if padding == "reflection" else self.tile
        )  # one tile has nothing to reflect
        self.phi_mode, self.backend = phi_mode, backend
        self.lowres_stream = LowResStream(
            spec.dense_channels,
            self.layout.parameters,
            s2=s2,
            width=lowres_width,
            max_width=lowres_max_width,
            depth=lowres_depth,
            padding=padding,
        )
        self._prepared: PreparedLowRes | None = None
        xavier_init(self, init_gain)

    @property
    def tile(self) -> int:
        """Side S of a tile in pixels."""
        return self.layout.tile

    def prepare_for_inference(
        self,
        *,
        dtype: torch.dtype | None = None,
        memory: int | None = None,
        winograd: WinogradSize = 2,
    ) -> PreparedLowRes:
        """Turns on everything that makes inference fast; without it the training path runs.

        From then on calls without gradients in evaluation mode use prepared weights: on a CPU Winograd
        convolutions, on a GPU a copy in ``dtype`` under CUDA graphs. They are made at the first call, made
        again when the weights change (see `Fingerprint`), and given back by `train`, by a move to another
        device or dtype, and by ``free`` of what is returned. Threads may translate at once.

        Args:
            dtype: of the computation; None takes float32 on a CPU and float16 on a GPU.
            memory: most bytes the prepared weights may take; a smaller variant is chosen to fit.
            winograd: m of F(m x m, 3 x 3) on a CPU: 2, or 4 (faster, error four times larger), or 0.

        Returns:
            The prepared stream; its ``memory`` says what it holds.

        Raises:
            ValueError: a dtype other than float32 on a CPU.
        """
        self.eval()
        self.release_prepared()
        self._prepared = PreparedLowRes(
            self.lowres_stream, dtype=dtype, memory=memory, winograd=winograd, backend=self.backend
        )
        return self._prepared

    def release_prepared(self) -> None:
        """Gives back what `prepare_for_inference` holds and returns to the training path."""
        if self._prepared is not None:
            self._prepared.free()
        self._prepared = None

    def train(self, mode: bool = True) -> AsapGenerator:
        if mode:
            self.release_prepared()
        return super().train(mode)

    def _apply(self, fn: Callable[..., Tensor], recurse: bool = True) -> AsapGenerator:
        self.release_prepared()
        return super()._apply(fn, recurse)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_prepared": None}

    def lowres_input(self, condition: Condition) -> Tensor:
        """The condition, tent-filtered and downsampled by S1: (B, dense_channels, H/S1, W/S1)."""
        dtype = self.lowres_stream.to_phi.weight.dtype
        if self.spec.kind == "label":
            label = condition.require_label()
            classes = self.spec.label_channels
            maps = ops.class_pool(label, num_classes=classes, s1=self.s1, dtype=dtype, backend=self.backend)
        else:
            maps = ops.tent_downsample(self.spec.encode_planes(condition, dtype), self.s1)
        if not self.spec.instance_edges:
            return maps
        edges = instance_edges(condition.require_instance()).to(dtype)
        return torch.cat([maps, ops.tent_downsample(edges, self.s1)], dim=1)

    def predict_phi(self, condition: Condition) -> Tensor:
        """The parameters of every tile's MLP: (B, P, H/S, W/S)."""
        lowres_input = self.lowres_input(condition)
        prepared = self._prepared  # another thread may release it meanwhile
        if prepared is not None and not torch.is_grad_enabled() and not torch.compiler.is_compiling():
            phi = prepared(self.lowres_stream, lowres_input)
        else:
            phi = self.lowres_stream(lowres_input)
        if self.phi_mode == "constant":
            phi = phi.mean(dim=(2, 3), keepdim=True).expand_as(phi)
        return phi

    def render(self, condition: Condition, phi: Tensor) -> Tensor:
        """The pixelwise stream: (B, 3, H, W) in [-1, 1]."""
        labels = self.spec.kind == "label"
        label = condition.require_label() if labels else None
        image = None if labels else self.spec.encode_planes(condition, phi.dtype)
        if self.phi_mode == "bilinear":
            return pixelwise_mlp_bilinear(phi, label=label, image=image, layout=self.layout)
        return ops.pixelwise_mlp(phi, label=label, image=image, **self.layout.arguments, backend=self.backend)

    def forward(self, condition: Condition) -> GeneratorOutput:
        self.check_size(condition.height, condition.width)
        phi = self.predict_phi(condition)
        image = self.render(condition, phi)
        return GeneratorOutput(image.to(self.lowres_stream.to_phi.weight.dtype), {"phi": phi})
