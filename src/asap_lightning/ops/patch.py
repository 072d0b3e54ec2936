"""Which backend makes the steps of `asap_lightning.ops.patch_steps`."""

from __future__ import annotations

import torch
from torch import nn

from asap_lightning.ops.dispatch import requested_backend, resolve_backend, why_not
from asap_lightning.ops.patch_native import NativePatch
from asap_lightning.ops.patch_steps import MOST_THIN, PatchKernels
from asap_lightning.ops.patch_torch import TorchPatch


def patch_kernels(network: nn.Module, *, backend: str | None = None) -> PatchKernels:
    """The fastest steps that a network's parameters allow.

    Args:
        network: of convolutions and batch norms, all on one device.
        backend: None: as ``ASAP_BACKEND`` says, else native where it can. There is ``native`` and ``torch``,
            which the other names stand for too.

    Raises:
        ValueError: a backend that cannot run this network, or was asked for and is not there.
    """
    wish = requested_backend(backend)
    weight = next(network.parameters())
    if wish == "native" or (not wish and not why_not_native(network)):
        if reason := why_not_native(network):
            raise ValueError(f"the native backend cannot run patch networks: {reason}")
        resolve_backend("patch networks", "native", weight.device, weight.dtype)
        return NativePatch()
    resolve_backend("patch networks", "torch", weight.device, weight.dtype)
    return TorchPatch()


def why_not_native(network: nn.Module) -> str:
    """Why the native backend cannot run this network; empty if it can."""
    weight = next(network.parameters())
    if weight.dtype != torch.float32:
        return f"it computes in float32, the weights are {weight.dtype}"
    if torch.is_autocast_enabled(weight.device.type):
        return "it computes in float32, autocast asks for less"
    if reason := why_not("native", weight.device, weight.dtype):
        return reason
    convs = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    if any(conv.kernel_size != (3, 3) or conv.padding != (0, 0) for conv in convs):
        return "its convolutions are 3 x 3 without padding"
    if any(conv.out_channels <= MOST_THIN for conv in convs[:-1]):
        return f"its hidden layers have more than {MOST_THIN} channels"
    if max(convs[0].in_channels, convs[-1].out_channels) > MOST_THIN:
        return f"its images have at most {MOST_THIN} channels"
    return ""
