"""The graph that is exported, in torch itself: sizes, ids, evaluation mode, for every generator."""

import copy

import pytest
import torch
import torch.nn.functional as F

import models
import small
from asap_lightning.condition import Condition
from asap_lightning.errors import UserError
from asap_lightning.export.folding import (
    SeededDropout,
    Seeds,
    evaluation_copy,
    trained_layers,
    window_means,
)
from asap_lightning.export.graph import TranslationGraph, fixed_size
from asap_lightning.export.inputs import graph_inputs, random_values
from asap_lightning.export.verify import areas, reference_image
from asap_lightning.models import CocosnetGenerator
from asap_lightning.models.layers import BatchStatisticsNorm2d, SpectralNorm

KINDS = {"labels": models.LABELS, "edges": models.EDGES, "pictures": models.PICTURES, "depths": models.DEPTHS}


def sizes_of(graph):
    return [graph.fixed_size] if graph.fixed_size else [(64, 96), (37, 51)]


@pytest.mark.parametrize(
    ("system", "kind"),
    [
        *((system, "edges") for system in models.SYSTEMS),
        *(("asap", kind) for kind in KINDS),
        ("CRN", "depths"),
    ],
)
def test_the_graph_gives_the_generators_own_image_at_any_size(system, kind):
    generator = models.made(system, KINDS[kind])
    graph = TranslationGraph(generator)
    for batch, (height, width) in enumerate(sizes_of(graph), 1):
        values = random_values(graph.inputs, batch, height, width)
        with torch.no_grad():
            image = graph(*values)
        assert image.shape == (batch, 3, height, width) and image.abs().max() <= 1
        assert image.std() > 1e-3, "the weights make a picture"
        assert torch.allclose(image, reference_image(generator, graph, values), atol=1e-5)


@pytest.mark.parametrize("system", models.SYSTEMS)
def test_nothing_of_training_is_left_and_the_original_stays_as_it_was(system):
    generator = models.made(system).train()
    before = copy.deepcopy(generator.state_dict())
    copied = evaluation_copy(generator)
    assert not trained_layers(copied)
    assert not any(isinstance(layer, SpectralNorm | BatchStatisticsNorm2d) for layer in copied.modules())
    assert not any(parameter.requires_grad for parameter in copied.parameters())
    assert generator.training and all(p.requires_grad for p in generator.parameters())
    after = generator.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)
    generator(_condition(fixed_size(generator) or (64, 128)))  # its own weights can still be computed


def _condition(size):
    label = torch.randint(4, (2, *size))
    guide, canvas = torch.rand(2, 3, *size) * 2 - 1, torch.zeros(2, 4, *size)
    return Condition(label=label, instance=label, guide=guide, canvas=canvas)


def test_two_calls_give_the_same_image_and_batches_do_not_mix():
    graph = TranslationGraph(models.made("asap"))
    values = random_values(graph.inputs, 3, 20, 24)
    with torch.no_grad():
        image, again = graph(*values), graph(*values)
        alone = graph(values[0][1:2])
    assert torch.equal(image, again)
    assert torch.allclose(image[1:2], alone, atol=1e-6)


def test_unknown_may_be_written_as_255_and_other_ids_are_refused():
    graph = TranslationGraph(models.made("asap"))
    label = torch.randint(4, (1, 16, 16), dtype=torch.int32)
    with torch.no_grad():
        assert torch.equal(graph(label), graph(torch.where(label == 3, 255, label)))
        for wrong in (-1, 4, 254, 256, 2**31 - 1, -(2**31)):
            label[0, 5, 7] = wrong
            with pytest.raises((IndexError, RuntimeError), match="out of bounds"):
                graph(label)


def test_maps_of_another_size_or_batch_are_refused():
    graph = TranslationGraph(models.made("asap", models.EDGES))
    label = torch.zeros(2, 16, 20, dtype=torch.int32)
    for other in (label[:, :, :16], label[:1]):
        with pytest.raises(RuntimeError):
            graph(label, other)


@pytest.mark.parametrize("system", ["pix2pixHD, features", "SPADE, style"])
def test_a_guide_gives_the_style_of_the_photo(system):
    generator = models.made(system, models.EDGES)
    graph = TranslationGraph(generator, style="guide")
    height, width = sizes_of(graph)[0]
    values = list(areas(random_values(graph.inputs, 2, height, width), graph.inputs))
    names = [entry.name for entry in graph.inputs]
    with torch.no_grad():
        image = graph(*values)
        values[names.index("guide")] = -values[names.index("guide")]
        assert not torch.allclose(image, graph(*values), atol=1e-4)


def test_a_guide_is_refused_where_there_is_no_encoder():
    with pytest.raises(UserError, match="style=guide: this model \\(AsapGenerator\\) has no style encoder"):
        graph_inputs(models.made("asap"), "guide")


def test_the_seed_decides_the_dropout_noise():
    generator = models.made("pix2pix")
    graph = TranslationGraph(generator)
    assert [entry.name for entry in graph.inputs] == ["label", "seed"]
    label = torch.randint(4, (1, 64, 64), dtype=torch.int32)
    seeds = [torch.tensor([number], dtype=torch.int32) for number in (0, 0, 1, 2**31 - 1)]
    with torch.no_grad():
        images = [graph(label, seed) for seed in seeds]
    assert torch.equal(images[0], images[1])
    assert not torch.allclose(images[0], images[2]) and not torch.allclose(images[2], images[3])


def test_dropped_entries_are_as_many_as_asked_for_and_do_not_hang_together():
    seeds = Seeds(torch.arange(4, dtype=torch.int32))
    layer = SeededDropout(0.3, 2, seeds)
    kept = (layer(torch.ones(4, 32, 32, 32)) > 0).double()
    assert abs(kept.mean() - 0.7) < 0.01
    centred = kept - kept.mean()
    variance = (centred**2).mean()
    for axis in range(4):
        along = (
            centred.narrow(axis, 1, kept.shape[axis] - 1) * centred.narrow(axis, 0, kept.shape[axis] - 1)
        ).mean()
        assert abs(along / variance) < 0.02, axis
    assert layer(torch.ones(4, 32, 32, 32)).mean() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("size", [(16, 24), (17, 21), (33, 5), (1, 64)])
@pytest.mark.parametrize("wanted", [(1, 1), (3, 4), (8, 11), (1, 5)])
def test_window_means_are_adaptive_pooling(size, wanted):
    planes = torch.rand(2, 3, *size, dtype=torch.float64)
    wanted = tuple(min(pair) for pair in zip(size, wanted, strict=True))
    expected = F.interpolate(planes, size=wanted, mode="area")
    assert torch.allclose(window_means(planes, wanted), expected, rtol=0, atol=1e-12)


def test_a_generator_that_matches_exemplars_is_not_exported():
    generator = CocosnetGenerator(models.LABELS, **small.NETWORKS["CocosnetGenerator"])
    with pytest.raises(UserError, match="CocosnetGenerator is not exported: exports take no exemplar"):
        graph_inputs(generator)
