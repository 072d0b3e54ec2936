"""Finished generators by the native library."""

from __future__ import annotations

import pytest
import torch

from asap_lightning.ops.native_library import load_failure
from asap_lightning.singan.finished import FoldedGenerator, finished
from asap_lightning.singan.networks import ScaleGenerator


def trained(**arguments):
    generator = ScaleGenerator(**arguments)
    for block in generator.network.blocks:
        block.norm.running_mean.normal_()
        block.norm.running_var.uniform_(0.2, 3.0)
    return generator.requires_grad_(False).eval()


@pytest.mark.skipif(bool(load_failure()), reason=load_failure() or "-")
@pytest.mark.parametrize("arguments", [{"width": 24}, {"width": 64, "min_width": 32}, {"layers": 2}])
def test_it_makes_what_the_module_makes(arguments, monkeypatch):
    monkeypatch.delenv("ASAP_BACKEND", raising=False)
    torch.manual_seed(0)
    generator = trained(**arguments)
    fast = finished(generator)
    assert isinstance(fast, FoldedGenerator)
    noise, previous = torch.randn(2, 3, 37, 29), torch.rand(2, 3, 37, 29)
    exact = generator.double()(noise.double(), previous.double())
    assert torch.allclose(fast(noise, previous).double(), exact, rtol=0, atol=1e-5)


def test_others_run_as_they_are(monkeypatch):
    monkeypatch.delenv("ASAP_BACKEND", raising=False)
    for generator in (trained(width=8, padding=1), trained(width=8, kernel=5), trained(width=8).double()):
        assert finished(generator) is generator
    monkeypatch.setenv("ASAP_BACKEND", "torch")
    plain = trained(width=8)
    assert finished(plain) is plain
