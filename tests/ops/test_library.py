"""The operators under torch's machinery: opcheck, compile, export, autocast, the choice of a backend."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import nn

from asap_lightning import ops
from asap_lightning.errors import UserError
from asap_lightning.ops import dispatch, native
from asap_lightning.ops.layout import MlpLayout

needs_native = pytest.mark.skipif(bool(native.load_failure()), reason=native.load_failure() or "available")
FAST = ["torch", pytest.param("native", marks=needs_native)]
LAYOUT = MlpLayout(tile=4, width=8, depth=3, num_classes=3, image_channels=2)


def inputs(dtype=torch.float32):
    torch.manual_seed(0)
    phi = (torch.randn(1, LAYOUT.parameters, 2, 2) * 0.3).to(dtype)
    return phi, torch.randint(0, 3, (1, 8, 8)), torch.randn(1, 2, 8, 8, dtype=dtype)


class Pixelwise(nn.Module):
    """The operation as a module, for compile and export."""

    def forward(self, phi, label, image):
        maps = ops.class_pool(label, num_classes=3, s1=2)
        result = ops.pixelwise_mlp(phi, label=label, image=image, tile=4, width=8, depth=3, num_classes=3)
        return result + maps.mean()


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
@pytest.mark.parametrize("backend", FAST)
def test_opcheck(backend):
    phi, label, image = inputs()
    settings = (4, 8, 3, 3, 2, 3, True, 0.01, backend)
    operators = torch.ops.asap_lightning
    for one in (image.clone().requires_grad_(), image):
        arguments = (phi.clone().requires_grad_(), label, one, *settings)
        torch.library.opcheck(operators.pixelwise_mlp.default, arguments)
    grad = torch.randn(1, 3, 8, 8)
    torch.library.opcheck(operators.pixelwise_mlp_backward.default, (grad, phi, label, image, *settings))
    torch.library.opcheck(operators.class_pool.default, (label, 3, 2, torch.float32, backend))


def test_compile_keeps_values_and_gradients():
    phi, label, image = inputs()
    phi.requires_grad_()
    module = Pixelwise()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    expected, found = module(phi, label, image), compiled(phi, label, image)
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(expected)
    (first,), (second,) = (torch.autograd.grad(result, phi, weights) for result in (expected, found))
    torch.testing.assert_close(second, first)


def test_export_needs_nothing_of_this_package():
    arguments = inputs()
    exported = torch.export.export(Pixelwise(), arguments)
    assert "asap_lightning" not in str(exported.graph)
    torch.testing.assert_close(exported.module()(*arguments), Pixelwise()(*arguments))


def test_autocast_runs_in_single_precision():
    phi, label, image = inputs(torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        result = ops.pixelwise_mlp(phi, label=label, image=image, tile=4, width=8, depth=3, num_classes=3)
    assert result.dtype == torch.float32


def test_environment_variable_chooses(monkeypatch, caplog):
    phi, label, image = inputs()
    arguments = dict(label=label, image=image, tile=4, width=8, depth=3, num_classes=3)
    dispatch._said.clear()
    monkeypatch.setenv("ASAP_BACKEND", "torch")
    with caplog.at_level(logging.INFO, logger="asap_lightning.ops"):
        ops.pixelwise_mlp(phi, **arguments)
        ops.pixelwise_mlp(phi, **arguments)
    assert [r.message for r in caplog.records] == ["pixelwise_mlp runs on the torch backend"]
    monkeypatch.setenv("ASAP_BACKEND", "fast")
    with pytest.raises(UserError, match="ASAP_BACKEND is 'fast', expected one of reference, torch"):
        ops.pixelwise_mlp(phi, **arguments)


def test_a_backend_that_cannot_run_is_an_error():
    phi, label, image = inputs(torch.float64)
    arguments = dict(label=label, image=image, tile=4, width=8, depth=3, num_classes=3)
    with pytest.raises(ValueError, match=r"the native backend cannot run pixelwise_mlp: .*float64"):
        ops.pixelwise_mlp(phi, backend="native", **arguments)
    with pytest.raises(ValueError, match="the triton backend cannot run"):
        ops.pixelwise_mlp(phi.float(), backend="triton", **arguments)
    assert ops.pixelwise_mlp(phi, **arguments).dtype == torch.float64


def test_without_gradients_the_function_behind_the_operator_gives_the_same() -> None:
    """Inference calls it itself; a mode that counts operations still sees the operator."""
    from torch.utils.flop_counter import FlopCounterMode

    from asap_lightning.ops import class_pool

    label = torch.randint(0, 3, (1, 16, 16), generator=torch.Generator().manual_seed(0))
    arguments = {"num_classes": 3, "s1": 4, "dtype": torch.float32, "backend": "torch"}
    through = class_pool(label, **arguments)
    with torch.inference_mode():
        plainly = class_pool(label, **arguments)
        seen: list[str] = []
        counted = {torch.ops.asap_lightning.class_pool: lambda *_, **__: seen.append("class_pool") or 0}
        with FlopCounterMode(display=False, custom_mapping=counted):
            watched = class_pool(label, **arguments)
    assert torch.equal(plainly, through) and torch.equal(watched, through) and seen == ["class_pool"]


def test_a_misspelt_instruction_set_is_named(monkeypatch):
    from asap_lightning.ops import native_library

    native_library.load.cache_clear()
    monkeypatch.setenv("ASAP_NATIVE_ISA", "avx521")
    with pytest.raises(UserError, match="ASAP_NATIVE_ISA=avx521: one of avx512, avx2, neon, generic"):
        native_library.load()
    native_library.load.cache_clear()
