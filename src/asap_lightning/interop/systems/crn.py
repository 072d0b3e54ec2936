"""CRN: settings and names of its TensorFlow variables (``demo_256p.py`` and others of the authors).

A module of N rows has ``g_N_conv1`` and ``g_N_conv2``, each with a layer norm; the last ``g_N_conv100``.
"""

from __future__ import annotations

from torch import Tensor

from asap_lightning.errors import UserError
from asap_lightning.interop.inferred import InferredNetwork, Options, State
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.systems.common import condition_spec, indices, tensor
from asap_lightning.models import CrnGenerator
from asap_lightning.models.crn.generator import narrowing

LEAVES = {"weights": "weight", "biases": "bias", "beta": "bias", "gamma": "weight"}
HINT = "label_nc, contain_dontcare_label and instance_edges say what the condition's planes are"


def belongs(name: str) -> bool:
    """Whether a variable is the generator's."""
    return name.startswith("g_")


def generator_state(state: State) -> dict[str, Tensor]:
    """TensorFlow's variables as torch would have them: ``g_4_conv1/weights`` -> ``g_4_conv1.weight``.

    Of several images together theirs has all first channels, then all second, then all third ones; ours has
    one image after the other.
    """
    made = {}
    for name, value in state.items():
        *scopes, leaf = name.split("/")
        value = value.permute(3, 2, 0, 1) if value.ndim == 4 else value
        if scopes and scopes[0].endswith("_conv100"):
            value = value.unflatten(0, (3, -1)).transpose(0, 1).flatten(0, 1)
        made[".".join([*scopes, LEAVES.get(leaf, leaf)])] = value
    return made


def infer(state: State, options: Options) -> InferredNetwork:
    """Rows, widths and number of images; the condition from its channels and the options.

    Their last plane is of what has no class, unless ``contain_dontcare_label`` or ``label_nc`` say otherwise.
    """
    rows = indices(state, r"g_(\d+)_conv1\.weight")
    if not rows or rows != [rows[0] << level for level in range(len(rows))]:
        raise UserError(
            f"this does not look like CRN: its modules have {rows} rows, each twice the one before"
        )
    first = tensor(state, f"g_{rows[0]}_conv1.weight", "CRN")
    last = tensor(state, f"g_{rows[-1]}_conv100.weight", "CRN")
    known = dict(options)
    if "label_nc" not in options:
        known.setdefault("contain_dontcare_label", True)
    arguments = {
        "height": rows[-1],
        "width": first.shape[0] * narrowing(rows[0]),
        "first_rows": rows[0],
        "images": last.shape[0] // 3,
    }
    spec = condition_spec(first.shape[1], known)
    return InferredNetwork("asap_lightning.models.CrnGenerator", arguments, spec)


def names(network: CrnGenerator, state: State) -> NameMap:
    """Modules by their rows, coarsest first."""
    rows = indices(state, r"g_(\d+)_conv1\.weight")
    pairs = [("to_image", f"g_{rows[-1]}_conv100")]
    for index, count in enumerate(rows):
        for layer in (1, 2):
            pairs.append((f"refine.{index}.conv{layer}", f"g_{count}_conv{layer}"))
            pairs.append((f"refine.{index}.norm{layer}", f"g_{count}_conv{layer}.LayerNorm"))
    return NameMap(network, pairs)
