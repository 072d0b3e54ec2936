"""The multi-scale discriminator of SPADE and ASAP-Net: settings and names."""

from __future__ import annotations

from torch import nn

from asap_lightning.interop.inferred import InferredNetwork, Options, State
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.systems.common import indices, judged, norm_node, tensor
from asap_lightning.models import MultiscaleDiscriminator
from asap_lightning.models.discriminators import SpadePatchNetwork

# A decoder that CoCosNet v2's program builds and never calls.
UNUSED = (r"^discriminator_\d+\.dec\.",)


def _inner(state: State, layer: int) -> str:
    """The convolution of an inner layer: a norm after it wraps it once more."""
    wrapped = f"model{layer}.0.0"
    return (
        wrapped
        if any(name.startswith(f"discriminator_0.{wrapped}.") for name in state)
        else f"model{layer}.0"
    )


def infer(state: State, options: Options) -> InferredNetwork:
    """The discriminator's settings, for planes that are fed directly; ``padding`` shows in no weight."""
    first = tensor(state, "discriminator_0.model0.0.weight", "SPADE's multi-scale discriminator")
    spec, channels = judged(first.shape[1])
    inner = _inner(state, 1)
    has_norm = inner.count(".") == 2
    norm = norm_node(state, "discriminator_0.model1.0.1", has_bias=has_norm)
    arguments = {
        "scales": len(indices(state, r"discriminator_(\d+)\.")),
        "layers": len(indices(state, r"discriminator_0\.model(\d+)\.")) - 1,
        "width": first.shape[0],
        "norm": norm,
        "spectral": f"discriminator_0.{inner}.weight_orig" in state,
        **({"padding": options["padding"]} if "padding" in options else {}),
        **channels,
    }
    return InferredNetwork("asap_lightning.models.MultiscaleDiscriminator", arguments, spec)


def names(discriminator: MultiscaleDiscriminator) -> NameMap:
    """Inner layers wrap convolution and norm once more, if there is a norm."""
    pairs = []
    for index, scale in enumerate(discriminator.scales):
        assert isinstance(scale, SpadePatchNetwork)
        last = len(scale.stages) - 1
        for layer, stage in enumerate(scale.stages):
            theirs = f"discriminator_{index}.model{layer}.0"
            assert isinstance(stage, nn.Sequential)
            if layer in (0, last) or isinstance(stage[1], nn.Identity):
                pairs.append((f"scales.{index}.stages.{layer}.0", theirs))
            else:
                pairs.append((f"scales.{index}.stages.{layer}.0", f"{theirs}.0"))
                pairs.append((f"scales.{index}.stages.{layer}.1", f"{theirs}.1"))
    return NameMap(discriminator, pairs, unused=UNUSED)
