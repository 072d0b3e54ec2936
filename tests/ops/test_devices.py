"""Kernels are launched on their tensors' device, whichever is the current one."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from asap_lightning import ops
from asap_lightning.ops import triton_backend
from asap_lightning.ops.devices import on_device
from asap_lightning.ops.layout import MlpLayout


@pytest.fixture
def launches(monkeypatch):
    """Stands for Triton: which device was the current one at every launch of a kernel."""
    current, launched = [], []

    @contextmanager
    def entered(device):
        current.append(device)
        yield
        current.pop()

    class Kernel:
        def __getitem__(self, grid):
            return lambda *arguments, **options: launched.append(list(current))

    kernels = SimpleNamespace(pixelwise_forward=Kernel(), pixelwise_layers=Kernel(), class_pool=Kernel())
    for name in ("triton_kernels", "triton_pooling"):
        monkeypatch.setitem(sys.modules, f"asap_lightning.ops.{name}", kernels)
        monkeypatch.setattr(ops, name, kernels, raising=False)
    monkeypatch.setattr(triton_backend, "on_device", entered)
    return launched


def test_every_launch_is_on_the_tensors_device(launches):
    layout = MlpLayout(2, 4, 2, 3, 0, 3, True, 0.01)
    phi, label = torch.zeros(1, layout.parameters, 2, 2), torch.zeros(1, 4, 4, dtype=torch.int64)
    triton_backend.pixelwise_forward(phi, label, None, layout)
    triton_backend.class_pool(label, 3, 2, torch.float32)
    triton_backend.pixelwise_backward(torch.ones(1, 3, 4, 4), phi, label, None, layout)
    assert launches == [[phi.device]] * 3


def test_a_cpu_needs_no_device():
    with on_device(torch.device("cpu")):
        pass
