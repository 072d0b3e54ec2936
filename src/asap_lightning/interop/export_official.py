"""``asap import export-official``: ASAP-Net's weights under the authors' names."""

from __future__ import annotations

from pathlib import Path

import torch

from asap_lightning.errors import UserError
from asap_lightning.files import atomic_write
from asap_lightning.inference.loading import load_generator
from asap_lightning.interop.systems import asapnet
from asap_lightning.models import AsapGenerator


def export_official(checkpoint: Path, out: Path) -> int:
    """Writes one of our ASAP-Net checkpoints as their ``net_G`` file; returns the number of tensors.

    Averaged weights are taken where there are any.

    Raises:
        UserError: the checkpoint is of another system, or of a variant that their program cannot build.
    """
    generator, _ = load_generator(checkpoint)
    if not isinstance(generator, AsapGenerator):
        raise UserError(
            f"{checkpoint} holds a {type(generator).__name__}: only ASAP-Net can be written for its "
            "authors' program"
        )
    if generator.phi_mode != "nearest":
        raise UserError(
            f"{checkpoint} was trained with phi_mode={generator.phi_mode}, an ablation that the authors' "
            "program does not know; only phi_mode=nearest can be exported"
        )
    state = asapnet.names(generator).to_theirs(generator.state_dict())
    with atomic_write(out) as file:
        torch.save({name: tensor.contiguous() for name, tensor in state.items()}, file)
    return len(state)
