"""SPADE (https://github.com/NVlabs/SPADE): settings and names of its generator and image encoder."""

from __future__ import annotations

from typing import Any

from asap_lightning.errors import UserError
from asap_lightning.interop.inferred import InferredNetwork, Options, State, partial_node
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.systems.common import condition_spec, indices, option, param_free_norm, tensor
from asap_lightning.models import SpadeGenerator
from asap_lightning.models.spade import StyleEncoder
from asap_lightning.models.spade.generator import DOUBLINGS

HINT = "settings that explain it: num_upsampling_layers, use_vae, norm_G"


def latent_grid(options: Options, upsampling: str) -> tuple[int, int]:
    """Rows and columns from which the generator starts, as its program computes them."""
    width = option(options, "crop_width", "crop_size")
    if width is None:
        raise UserError("give crop_size and aspect_ratio: they fix the grid from which the generator starts")
    columns = int(width) // 2 ** DOUBLINGS[upsampling]
    rows = round(columns / float(option(options, "aspect_ratio", default=1.0)))
    return rows, columns


def infer_upsampling(state: State, options: Options) -> str:
    """``normal``, ``more`` or ``most``: only the last shows in every file."""
    if any(name.startswith("up_4.") for name in state):
        return "most"
    given = option(options, "num_upsampling_layers", "upsampling")
    if given is not None:
        return str(given)
    raise UserError(
        "the weights do not tell how often the grid is doubled; give upsampling=normal (256 pixels) or "
        "upsampling=more (Cityscapes)"
    )


def infer(state: State, options: Options) -> InferredNetwork:
    """The generator's settings."""
    start = tensor(state, "fc.weight", "SPADE")
    shared = tensor(state, "head_0.norm_0.mlp_shared.0.weight", "SPADE")
    upsampling = infer_upsampling(state, options)
    last = tensor(state, "conv_img.weight", "SPADE").shape[1]
    width = last * (2 if upsampling == "most" else 1)
    arguments: dict[str, Any] = {
        "width": width,
        "upsampling": upsampling,
        "hidden": shared.shape[0],
        "kernel": shared.shape[-1],
        "norm": param_free_norm(state, "head_0.norm_0.param_free_norm"),
    }
    if "head_0.conv_0.weight_orig" not in state:
        arguments["weight_norm"] = partial_node("asap_lightning.models.layers.unchanged")
    if start.dim() == 2:
        rows, columns = infer_grid(start.shape[0] // (16 * width), options, upsampling)
        scale = 2 ** DOUBLINGS[upsampling]
        arguments |= {
            "style": start.shape[1],
            "image_size": [rows * scale, columns * scale],
            "encoder": False,
        }
    return InferredNetwork(
        "asap_lightning.models.SpadeGenerator", arguments, condition_spec(shared.shape[1], options)
    )


def infer_grid(cells: int, options: Options, upsampling: str) -> tuple[int, int]:
    """The starting grid of a generator with style, from its number of cells and the options."""
    if option(options, "crop_width", "crop_size") is not None:
        return latent_grid(options, upsampling)
    ratio = float(option(options, "aspect_ratio", default=1.0))
    rows = round((cells / ratio) ** 0.5)
    if rows * round(rows * ratio) != cells:
        raise UserError(f"the style code makes a grid of {cells} cells; give aspect_ratio=WIDTH/HEIGHT")
    return rows, round(rows * ratio)


def with_encoder(description: InferredNetwork, encoder: State) -> InferredNetwork:
    """The same generator with the image encoder of ``net_E`` built in."""
    arguments = {
        **description.arguments,
        "encoder": True,
        "encoder_width": encoder["layer1.0.weight_orig"].shape[0],
        "encoder_layers": len(indices(encoder, r"layer(\d+)\.")),
    }
    return InferredNetwork(description.target, arguments, description.spec)


def infer_encoder(state: State, options: Options) -> InferredNetwork:
    """The image encoder's settings."""
    first = tensor(state, "layer1.0.weight_orig", "SPADE's image encoder")
    layers = len(indices(state, r"layer(\d+)\."))
    heads = tensor(state, "fc_mu.weight", "SPADE's image encoder")
    side = round((heads.shape[1] / state[f"layer{layers}.0.weight_orig"].shape[0]) ** 0.5)
    arguments = {
        "style": heads.shape[0],
        "width": first.shape[0],
        "layers": layers,
        "image_size": side * 2**layers,
    }
    return InferredNetwork("asap_lightning.models.spade.StyleEncoder", arguments)


def spade_pairs(ours: str, theirs: str) -> list[tuple[str, str]]:
    """The layers of one SPADE."""
    return [
        (f"{ours}.norm", f"{theirs}.param_free_norm"),
        (f"{ours}.shared.0", f"{theirs}.mlp_shared.0"),
        (f"{ours}.gamma", f"{theirs}.mlp_gamma"),
        (f"{ours}.beta", f"{theirs}.mlp_beta"),
    ]


def blocks(ups: int) -> list[tuple[str, str]]:
    """The blocks on the way up."""
    fixed = [("head", "head_0"), ("middle.0", "G_middle_0"), ("middle.1", "G_middle_1")]
    return fixed + [(f"up.{i}", f"up_{i}") for i in range(ups)]


def names(generator: SpadeGenerator) -> NameMap:
    """A block's layers are numbered from 0, and ``s``; the encoder's names begin ``net_E.``."""
    pairs = [("from_condition", "fc"), ("from_style", "fc"), ("to_image", "conv_img")]
    for ours, theirs in blocks(len(generator.up)):
        for inner, outer in (("1", "0"), ("2", "1"), ("_shortcut", "s")):
            pairs.append((f"{ours}.conv{inner}", f"{theirs}.conv_{outer}"))
            pairs += spade_pairs(f"{ours}.spade{inner}", f"{theirs}.norm_{outer}")
    if generator.encoder is not None:
        pairs += [
            (f"encoder.{ours}", f"net_E.{theirs}") for ours, theirs in _encoder_pairs(generator.encoder)
        ]
    return NameMap(generator, pairs)


def _encoder_pairs(encoder: StyleEncoder) -> list[tuple[str, str]]:
    pairs = [(f"convs.{i}", f"layer{i + 1}.0") for i in range(len(encoder.convs))]
    return [*pairs, ("to_mu", "fc_mu"), ("to_logvar", "fc_var")]


def encoder_names(encoder: StyleEncoder) -> NameMap:
    """Layers are numbered from 1."""
    return NameMap(encoder, _encoder_pairs(encoder))
