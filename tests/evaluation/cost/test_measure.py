"""What a model costs."""

from __future__ import annotations

import pytest
import torch

import small
from asap_lightning import models
from asap_lightning.benchmarking.cases import Case
from asap_lightning.condition import ConditionSpec
from asap_lightning.evaluation.cost.measure import measure_cost, random_condition
from asap_lightning.models import AsapGenerator

SPEC = ConditionSpec("label", num_classes=5, has_unknown=True, instance_edges=True)
CPU = torch.device("cpu")


def generator(**settings: int) -> AsapGenerator:
    return small.asap_generator(SPEC, **{"s2": 8, **settings})


def test_flops_are_those_of_the_formula_and_the_same_every_time() -> None:
    model = generator()
    case = Case("small", SPEC, 64, 32)
    counted = measure_cost("flops", model, 64, 32, device=CPU)
    assert counted == pytest.approx(case.pixelwise_gflop(model) + case.lowres_gflop(model), rel=0.05)
    assert counted == measure_cost("flops", model, 64, 32, device=CPU)
    assert counted < measure_cost("flops", generator(mlp_width=16), 64, 32, device=CPU)


@pytest.mark.parametrize("name", sorted(small.NETWORKS))
def test_the_work_of_every_generator_is_counted(name: str) -> None:
    """Those under spectral norm too, whose weights enter a module; afterwards they learn as before."""
    model = getattr(models, name)(SPEC, **small.NETWORKS[name])
    learns = [one.requires_grad for one in model.parameters()]
    assert measure_cost("flops", model, 64, 64, device=CPU) > 0
    assert [one.requires_grad for one in model.parameters()] == learns


def test_bilateral_slicing_is_counted() -> None:
    spec = ConditionSpec("image", channels=3)
    settings = {"size": 32, "cells": 4, "depth": 2}
    model = models.HdrnetGenerator(spec, **settings)
    small_image, large = (measure_cost("flops", model, side, side, device=CPU) for side in (32, 64))
    # four entries of 4 x 3 coefficients blended and applied, a curve's matrix product and mix: for each pixel
    expected = (64**2 - 32**2) * 2 * (5 * 12 + 9 + 3)
    assert 1e9 * (large - small_image) == pytest.approx(expected)


def test_latency_is_a_time_and_leaves_the_model_and_the_random_state_alone() -> None:
    model = generator().train()
    before, state = [p.clone() for p in model.parameters()], torch.get_rng_state()
    assert measure_cost("latency", model, 64, 64, device=CPU, repeats=2) > 0
    assert model.training and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_parameters_and_an_unknown_kind() -> None:
    model = generator()
    assert measure_cost("parameters", model, 64, 64, device=CPU) == sum(p.numel() for p in model.parameters())
    with pytest.raises(ValueError, match="latency, flops, parameters"):
        measure_cost("money", model, 64, 64, device=CPU)


def test_the_condition_has_areas_and_fits_any_size_and_kind() -> None:
    condition = random_condition(SPEC, 40, 24)
    label = condition.require_label()
    assert label.shape == (1, 40, 24) and label.max() < SPEC.label_channels
    assert (label[:, :16, :16] == label[0, 0, 0]).all()
    assert torch.equal(label, random_condition(SPEC, 40, 24).require_label())
    assert random_condition(ConditionSpec("image", channels=3), 8, 12).image.shape == (1, 3, 8, 12)
