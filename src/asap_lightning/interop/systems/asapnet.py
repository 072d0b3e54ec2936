"""ASAP-Net (https://github.com/tamarott/ASAPNet): settings and names of its generator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.interop.inferred import InferredNetwork, Options, State
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.systems.common import condition_spec, indices, option, tensor
from asap_lightning.models import AsapGenerator
from asap_lightning.ops import MlpLayout

PREFIX = "lowres_stream.model"
HINT = "settings that explain it: padding, learned_downsampling_S2, lowres_depth, instance_edges"


@dataclass(frozen=True)
class Mlp:
    """What the number of an MLP's parameters may stand for."""

    width: int
    depth: int
    s1: int
    encoding: bool
    edges: bool

    @property
    def unlikeliness(self) -> tuple[bool, ...]:
        """Sorts candidates: the published sizes first."""
        return (
            (self.width, self.depth) != (64, 5),
            not self.encoding,
            bool(self.width & (self.width - 1)),
            self.s1 not in (1, 2, 4),
        )


def _candidates(parameters: int, channels: int, s2: int, options: Options) -> Iterator[Mlp]:
    s1 = option(options, "bilinear_downsampling_S1", "s1")
    total = option(options, "total_downsampling_S")
    if s1 is None and total is not None:
        s1 = int(total) // s2
    width, depth = option(options, "mlp_width", "hr_width"), option(options, "mlp_depth", "hr_depth")
    encoding = option(options, "positional_encoding")
    if isinstance(encoding, str):
        encoding = encoding.strip().lower() not in ("none", "no", "false", "off", "")
    edges = option(options, "instance_edges")
    for values in product(
        [int(width)] if width else [2**i for i in range(9)] + [w for w in range(1, 257) if w & (w - 1)],
        [int(depth)] if depth else range(2, 13),
        [int(s1)] if s1 else [1, 2, 4, 8, 16],
        [True, False] if encoding is None else [bool(encoding)],
        [False, True] if edges is None else [bool(edges)],
    ):
        mlp = Mlp(*values)
        layout = MlpLayout(
            mlp.s1 * s2,
            mlp.width,
            mlp.depth,
            image_channels=channels - mlp.edges,
            positional_encoding=mlp.encoding,
        )
        if layout.inputs > 0 and layout.parameters == parameters:
            yield mlp


def infer_mlp(parameters: int, channels: int, s2: int, options: Options) -> Mlp:
    """The pixelwise MLP that has so many parameters, or an error that asks for what is ambiguous."""
    found = sorted(_candidates(parameters, channels, s2, options), key=lambda mlp: mlp.unlikeliness)
    if not found:
        raise UserError(
            f"no pixelwise MLP on {channels} input channels has {parameters} parameters a tile with "
            "the given settings; check mlp_width, mlp_depth, s1, positional_encoding and instance_edges"
        )
    best = [mlp for mlp in found if mlp.unlikeliness == found[0].unlikeliness]
    # without an encoding S1 leaves no trace in the weights
    if len(best) > 1:
        differing = [
            name
            for name in ("width", "depth", "s1", "edges")
            if len({getattr(mlp, name) for mlp in best}) > 1
        ]
        spelled = {"width": "mlp_width", "depth": "mlp_depth", "s1": "s1", "edges": "instance_edges"}
        raise UserError(
            f"the weights allow {len(best)} settings of the pixelwise MLP; give "
            + ", ".join(
                f"{spelled[name]} (one of {sorted({getattr(m, name) for m in best})})" for name in differing
            )
        )
    return best[0]


def infer(state: State, options: Options) -> InferredNetwork:
    """The generator's settings: nearly all of them are in the shapes of its weights."""
    reflection = f"{PREFIX}.0.0.weight" not in state
    first = tensor(state, f"{PREFIX}.1.0.weight" if reflection else f"{PREFIX}.0.0.weight", "ASAP-Net")
    stages = indices(state, r"lowres_stream\.model\.(\d+)\.0\.weight")
    blocks = indices(state, r"lowres_stream\.model\.(\d+)\.conv_block\.")
    last = indices(state, r"lowres_stream\.model\.(\d+)\.weight")
    if len(last) != 1:
        raise UserError("this does not look like ASAP-Net: its low-res stream ends in one 1x1 convolution")
    phi = state[f"{PREFIX}.{last[0]}.weight"]
    width, channels = first.shape[:2]
    s2 = 2 ** (len(stages) - 1)
    mlp = infer_mlp(phi.shape[0], channels, s2, options)
    spec = condition_spec(channels, options, edges=mlp.edges)
    arguments: dict[str, Any] = {
        "s1": mlp.s1,
        "s2": s2,
        "mlp_width": mlp.width,
        "mlp_depth": mlp.depth,
        "lowres_width": width,
        "lowres_max_width": phi.shape[1],
        "lowres_depth": len(blocks),
        "padding": "reflection" if reflection else "zeros",
        "positional_encoding": mlp.encoding,
    }
    return InferredNetwork("asap_lightning.models.AsapGenerator", arguments, spec)


def names(generator: AsapGenerator) -> NameMap:
    """Their layers are numbered in one sequence that also counts paddings and activations."""
    stream = generator.lowres_stream
    pad = int(stream.padding == "reflection")
    pairs = []
    stages = ["head", *(f"down.{i}" for i in range(len(stream.down)))]
    for number, stage in enumerate(stages):
        theirs = f"{PREFIX}.{number * (2 + pad) + pad}"
        pairs += [(f"lowres_stream.{stage}.{i}", f"{theirs}.{i}") for i in (0, 1)]
    after = len(stages) * (2 + pad)
    for number in range(len(stream.body)):
        theirs = f"{PREFIX}.{after + number}.conv_block.{pad}"
        pairs += [(f"lowres_stream.body.{number}.{i}", f"{theirs}.{i}") for i in (0, 1)]
    pairs.append(("lowres_stream.to_phi", f"{PREFIX}.{after + len(stream.body)}"))
    return NameMap(generator, pairs)
