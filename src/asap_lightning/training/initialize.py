"""Starting a network from the weights of another one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from asap_lightning.checkpoint import PREFIXES, read_checkpoint, state_of
from asap_lightning.errors import UserError
from asap_lightning.models.described import alike
from asap_lightning.untrusted import without_wrappers
from asap_lightning.wording import counted


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
    found = generator_weights(read_checkpoint(path), path)
    taken, left = _take(network, found)
    if not taken:
        raise UserError(f"initialize={path}: {_nothing_fits(network, found, 'generator')}")
    return taken, left


def initialize_discriminator_from(network: nn.Module, path: str | os.PathLike[str]) -> str:
    """Copies a checkpoint's discriminator weights wherever name and shape agree.

    A checkpoint without a discriminator, or with quite another one, is no mistake: a generator may go on
    against a new judge.

    Args:
        network: the discriminator to initialise; it stays as it is where nothing fits.
        path: a checkpoint of this program, trained or converted.

    Returns:
        A line for people: how many of its tensors were taken, or why none was.

    Raises:
        UserError: not a checkpoint.
    """
    found = discriminator_weights(read_checkpoint(path), path)
    if not found:
        return "no discriminator in it: that of this training begins anew"
    taken, left = _take(network, found)
    if not taken:
        return f"{_nothing_fits(network, found, 'discriminator')}; that of this training begins anew"
    return f"took {counted(len(taken), 'tensor')} of its discriminator, left {len(left)} as they were"


def _take(network: nn.Module, found: Mapping[str, Tensor]) -> tuple[list[str], list[str]]:
    """Loads what fits; names of the tensors that were taken, and of the network's own that were left."""
    own = network.state_dict()
    fitting = {key: value for key, value in found.items() if _fits(own.get(key), value)}
    network.load_state_dict(fitting, strict=False)
    return list(fitting), [key for key in own if key not in fitting]


def _nothing_fits(network: nn.Module, found: Mapping[str, Tensor], role: str) -> str:
    theirs, ours = (", ".join(list(names)[:3]) or "nothing" for names in (found, network.state_dict()))
    return (
        f"none of its {len(found)} {role} tensors fits this {role}; it has e.g. {theirs}, "
        f"expected e.g. {ours}"
    )


def _fits(own: Tensor | None, value: Tensor) -> bool:
    return own is not None and alike(own, value)


def generator_weights(
    checkpoint: Mapping[str, Any], source: str | os.PathLike[str], kinds: Sequence[str] = ("ema", "raw")
) -> dict[str, Tensor]:
    """The generator's entries of a loaded checkpoint under its own names.

    What ``torch.compile``, DDP and DataParallel put before names, around the generator or around the whole
    module, is removed.

    Args:
        checkpoint: see `read_checkpoint`.
        source: its file, for messages.
        kinds: ``ema`` for averaged weights, ``raw`` for those that were trained; the first kind there is.

    Returns:
        Empty if there are none.

    Raises:
        UserError: no weights at all, or two entries become the same.
    """
    stored = without_wrappers(state_of(checkpoint, source), source)
    for kind in kinds:
        prefix = PREFIXES[kind]
        found = {key.removeprefix(prefix): value for key, value in stored.items() if key.startswith(prefix)}
        found.pop("n_averaged", None)  # beside the average there is the number of its updates
        if found:
            return without_wrappers(found, source)
    return {}


def discriminator_weights(checkpoint: Mapping[str, Any], source: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The discriminator's entries of a loaded checkpoint under its own names; as `generator_weights`."""
    stored = without_wrappers(state_of(checkpoint, source), source)
    prefix = "discriminator."
    found = {key.removeprefix(prefix): value for key, value in stored.items() if key.startswith(prefix)}
    return without_wrappers(found, source)
