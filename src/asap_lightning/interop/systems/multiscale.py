"""The multi-scale discriminator of SPADE and ASAP-Net: settings and names."""

from __future__ import annotations

from asap_lightning.interop.description import Description, Options, State
from asap_lightning.interop.names import NameMap
from asap_lightning.interop.systems.common import image_spec, indices, tensor
from asap_lightning.models import MultiscaleDiscriminator
from asap_lightning.models.discriminators import PatchDiscriminator


def infer(state: State, options: Options) -> Description:
    """The discriminator's settings, for planes that are fed directly."""
    first = tensor(state, "discriminator_0.model0.0.weight", "SPADE's multi-scale discriminator")
    arguments = {
        "scales": len(indices(state, r"discriminator_(\d+)\.")),
        "layers": len(indices(state, r"discriminator_0\.model(\d+)\.")) - 1,
        "width": first.shape[0],
    }
    target = "asap_lightning.models.MultiscaleDiscriminator"
    return Description(target, arguments, image_spec(first.shape[1] - 3))


def names(discriminator: MultiscaleDiscriminator) -> NameMap:
    """Inner layers wrap convolution and norm once more."""
    pairs = []
    for index, scale in enumerate(discriminator.scales):
        assert isinstance(scale, PatchDiscriminator)
        last = len(scale.stages) - 1
        for layer in range(last + 1):
            inner = "0" if layer in (0, last) else "0.0"
            pairs.append((f"scales.{index}.stages.{layer}.0", f"discriminator_{index}.model{layer}.{inner}"))
    return NameMap(discriminator, pairs)
