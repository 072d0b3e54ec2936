"""The prepared inference path gives the training path's images."""

from __future__ import annotations

import copy
import logging

import pytest
import torch

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models import AsapGenerator
from asap_lightning.ops import native

needs_native = pytest.mark.skipif(bool(native.load_failure()), reason=native.load_failure() or "available")
BACKENDS = ["torch", pytest.param("native", marks=needs_native)]


def make(backend=None, padding="reflection", edges=False):
    torch.manual_seed(0)
    spec = ConditionSpec("label", num_classes=6, instance_edges=edges)
    generator = AsapGenerator(
        spec, s1=2, s2=4, mlp_width=16, mlp_depth=4, lowres_width=16, lowres_max_width=96, lowres_depth=2,
        padding=padding, init_gain=0.3, backend=backend,
    )  # fmt: skip
    instance = torch.randint(0, 4, (2, 32, 48)) if edges else None
    return generator.eval(), Condition(label=torch.randint(0, 6, (2, 32, 48)), instance=instance)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("padding", "edges"), [("reflection", False), ("zeros", True)])
@pytest.mark.parametrize("winograd", [0, 2, 4])
def test_equals_the_training_path(backend, padding, edges, winograd):
    generator, condition = make(backend, padding, edges)
    with torch.no_grad():
        expected = generator(condition)
        prepared = generator.prepare_for_inference(winograd=winograd)
        found = generator(condition)
    assert prepared.memory > 0
    tolerance = 1e-3 if winograd == 4 else 1e-4
    torch.testing.assert_close(found.image, expected.image, rtol=0, atol=tolerance)
    assert found.image.abs().max() > 0.01


def test_prepares_again_when_weights_change():
    generator, condition = make()
    generator.prepare_for_inference()
    with torch.no_grad():
        generator(condition)
        generator.lowres_stream.to_phi.bias.add_(0.1)
        found = generator(condition).image
        generator.release_prepared()
        torch.testing.assert_close(found, generator(condition).image, rtol=0, atol=1e-4)


def test_training_and_copies_leave_the_prepared_path():
    generator, condition = make()
    prepared = generator.prepare_for_inference()
    with torch.no_grad():
        generator(condition)
    clone = copy.deepcopy(generator)
    assert clone._prepared is None
    generator.train()
    assert prepared.memory == 0
    assert generator._prepared is None
    generator.prepare_for_inference()
    generator(condition).image.sum().backward()
    assert generator.lowres_stream.to_phi.weight.grad is not None, "with gradients the training path runs"


def test_memory_limit_chooses_the_variant(caplog):
    generator, condition = make()
    with caplog.at_level(logging.INFO, logger="asap_lightning.models"), torch.no_grad():
        for limit in (None, 1_700_000, 1_100_000):
            generator.prepare_for_inference(winograd=4, memory=limit)
            generator(condition)
    for record, variant in zip(caplog.records, ("F(4x4)", "F(2x2)", "direct"), strict=True):
        assert variant in record.message
    generator.prepare_for_inference(memory=1000)
    with torch.no_grad(), pytest.raises(MemoryError, match=r"takes at least .* MiB"):
        generator(condition)
    with pytest.raises(ValueError, match="computes in float32"):
        generator.prepare_for_inference(dtype=torch.float16)
