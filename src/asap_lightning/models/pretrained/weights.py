"""Weight files of networks that others trained: where they lie, and what fetches them. Never random ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from asap_lightning.errors import Unavailable, UserError
from asap_lightning.untrusted import load_torch


def cached(name: str) -> Path:
    """Where torch keeps a downloaded file: ``$TORCH_HOME/hub/checkpoints``."""
    return Path(torch.hub.get_dir()) / "checkpoints" / name


def weight_file(what: str, name: str, given: str | Path | None, setting: str, fetch: str) -> Path:
    """The file of a network's weights.

    Args:
        what: the network, for messages.
        name: of the file in torch's cache.
        given: a file that the user names; it must be there.
        setting: where it would be named, for messages.
        fetch: a command that writes the file into the cache, with ``{path}`` where it says so.

    Raises:
        UserError: the user has named a file that is not there.
        Unavailable: none is named, and the cache has none.
    """
    if given is not None:
        if not Path(given).is_file():
            raise UserError(f"{setting}={given}: there is no such file")
        return Path(given)
    path = cached(name)
    if not path.is_file():
        raise Unavailable(
            f"{what}'s weights are not here: there is no {path}, and no {setting}=FILE names another file",
            fetch.format(path=path),
        )
    return path


def load_into(
    network: nn.Module, path: Path, what: str, rename: Callable[[str], str | None] = lambda name: name
) -> nn.Module:
    """The network with the weights of a file, in float32, fixed and in evaluation mode.

    Args:
        network: as it was constructed, on the device ``meta`` if need be.
        path: a state dict.
        what: the network, for messages.
        rename: a name in the file -> the name here; None leaves the tensor out.

    Raises:
        UserError: the file cannot be read, or is of another network.
    """
    state = load_torch(path)
    try:
        named = {rename(name): value for name, value in state.items()}
        kept = {name: _in_float32(value) for name, value in named.items() if name is not None}
        network.load_state_dict(kept, assign=True)
    except (RuntimeError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise UserError(f"{path} does not hold the weights of {what}: {reason}") from error
    return network.eval().requires_grad_(False)


def _in_float32(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value


def torchvision_command(builder: str) -> str:
    """A command that makes torchvision fetch a network's ImageNet weights into the cache."""
    return f"python -c \"import torchvision; torchvision.models.{builder}(weights='IMAGENET1K_V1')\""
