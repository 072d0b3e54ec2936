"""Starting a network from the weights of another one."""

from __future__ import annotations

import os

from torch import nn

from asap_lightning.errors import UserError
from asap_lightning.training.checkpoint import read_checkpoint


def initialize_from(network: nn.Module, path: str | os.PathLike[str]) -> tuple[list[str], list[str]]:
    """Copies a checkpoint's generator weights wherever name and shape agree.

    pix2pixHD's second stage begins with the first stage's global generator in this way; so does fine-tuning
    on another number of classes.

    Args:
        network: the generator to initialise.
        path: a checkpoint of this program; averaged weights are preferred to raw ones.

    Returns:
        Names of the tensors that were taken, and of the network's own that were left as they were.

    Raises:
        UserError: not a checkpoint, or nothing in it fits.
    """
    stored = read_checkpoint(path).get("state_dict", {})
    own = network.state_dict()
    for prefix in ("ema_generator.module.", "generator."):
        found = {key[len(prefix) :]: value for key, value in stored.items() if key.startswith(prefix)}
        if found:
            break
    fitting = {key: value for key, value in found.items() if key in own and own[key].shape == value.shape}
    if not fitting:
        raise UserError(
            f"initialize={path}: none of its {len(found)} generator tensors fits this generator; "
            f"it has e.g. {', '.join(list(found)[:3]) or 'nothing'}, expected e.g. {', '.join(list(own)[:3])}"
        )
    network.load_state_dict(fitting, strict=False)
    return list(fitting), [key for key in own if key not in fitting]
