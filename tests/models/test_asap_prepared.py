"""The prepared inference path gives the training path's images."""

from __future__ import annotations

import copy
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

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


def swap_data(generator):
    for parameter in generator.lowres_stream.parameters():
        parameter.data = parameter.data * 1.5


def assign(generator):
    state = {name: value * 1.5 for name, value in generator.state_dict().items()}
    generator.load_state_dict(state, assign=True)


def set_vector(generator):
    vector = nn.utils.parameters_to_vector(generator.parameters())
    nn.utils.vector_to_parameters(vector * 1.5, generator.parameters())


def behind_the_counter(generator):
    for parameter in generator.lowres_stream.parameters():
        parameter.data.mul_(1.5)


def copy_over(generator):
    with torch.no_grad():
        for parameter in generator.lowres_stream.parameters():
            parameter.copy_(parameter * 1.5)


def change_one_bias(generator):
    generator.lowres_stream.to_phi.bias.data[3] += 1.0


def another_layer(generator):
    new = copy.deepcopy(generator.lowres_stream.to_phi)
    nn.init.constant_(new.bias, 0.1)
    generator.lowres_stream.to_phi = new


def another_stream(generator):
    new = copy.deepcopy(generator.lowres_stream)
    nn.init.constant_(new.to_phi.bias, 0.1)
    generator.lowres_stream = new


def move_a_part(generator):
    generator.lowres_stream.to(memory_format=torch.channels_last)
    generator.lowres_stream.body[0][0].weight.data.mul_(-1)


def average(generator):
    twin = copy.deepcopy(generator)
    swap_data(twin)
    averaged = torch.optim.swa_utils.AveragedModel(generator)
    averaged.module = generator
    averaged.n_averaged += 1
    averaged.update_parameters(twin)


def parametrize_it(generator):
    class Scaled(nn.Module):
        def forward(self, weight):
            return 1.5 * weight

    nn.utils.parametrize.register_parametrization(generator.lowres_stream.to_phi, "weight", Scaled())


@pytest.mark.parametrize(
    "change",
    [swap_data, assign, set_vector, behind_the_counter, copy_over, change_one_bias, another_layer,
     another_stream, move_a_part, average, parametrize_it],
)  # fmt: skip
def test_old_weights_are_never_served(change):
    generator, condition = make("torch")
    generator.prepare_for_inference()
    with torch.no_grad():
        before = generator(condition).image
    change(generator)
    with torch.no_grad():
        assert generator._prepared is not None
        found = generator(condition).image
        generator.release_prepared()
        torch.testing.assert_close(found, generator(condition).image, rtol=0, atol=1e-4)
        assert (found - before).abs().max() > 1e-3


def test_a_vector_that_the_weights_are_views_of_may_be_changed():
    generator, condition = make("torch")
    vector = nn.utils.parameters_to_vector(generator.parameters()).detach()
    nn.utils.vector_to_parameters(vector, generator.parameters())
    generator.prepare_for_inference()
    with torch.no_grad():
        generator(condition)
        vector.mul_(1.5)
        found = generator(condition).image
        generator.release_prepared()
        torch.testing.assert_close(found, generator(condition).image, rtol=0, atol=1e-4)


def test_any_change_of_inference_tensors_is_noticed():
    with torch.inference_mode():
        generator, condition = make("torch")
        generator.prepare_for_inference()
        generator(condition)
        weight = generator.lowres_stream.body[1][0].weight
        assert weight.is_inference() and weight.numel() > 10_000
        weight[5, 7, 1, 1] += 20.0
        found = generator(condition).image
        generator.release_prepared()
        torch.testing.assert_close(found, generator(condition).image, rtol=0, atol=1e-4)


def test_unchanged_weights_are_prepared_once(monkeypatch):
    generator, condition = make("torch")
    prepared = generator.prepare_for_inference()
    made = []
    inner = prepared._prepare
    monkeypatch.setattr(prepared, "_prepare", lambda stream: made.append(1) or inner(stream))
    with torch.inference_mode():
        for _ in range(3):
            generator(condition)
    with torch.no_grad():
        generator(condition)
    assert len(made) == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_translate_at_once_while_weights_change(backend):
    generator, _ = make(backend)
    generator.prepare_for_inference()
    conditions = [Condition(label=torch.randint(0, 6, (1, 32, 16 * n))) for n in (1, 2, 3, 4)]
    with torch.inference_mode():
        expected = [generator(condition).image for condition in conditions]

    def translate(index):
        if index % 10 == 0:  # no change, but everything is prepared anew
            weight = generator.lowres_stream.to_phi.weight
            weight.data = weight.data.clone()
        with torch.inference_mode():
            found = generator(conditions[index % 4]).image
        return float((found - expected[index % 4]).abs().max())

    with ThreadPoolExecutor(4) as pool:
        assert max(pool.map(translate, range(60))) < 1e-5
