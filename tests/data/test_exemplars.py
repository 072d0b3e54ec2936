"""Whose photo is whose exemplar, and how an own photo is distorted."""

from functools import partial

import numpy as np
import pytest
import torch

from asap_lightning.data import PairedDataModule
from asap_lightning.data.distortion import distort
from asap_lightning.data.exemplars import NEAREST, Exemplars, plan_exemplars, ranked, read_pairs
from asap_lightning.data.layouts import SpadeFolders, TwoFolders
from asap_lightning.data.sample import Sample
from asap_lightning.errors import UserError

THREE = partial(SpadeFolders, num_classes=3)


def module(root, exemplar, layout=THREE, **options):
    options = {"mode": "fixed", "batch_size": 2, "flip": False, **options}
    return PairedDataModule(root, layout, 8, 8, exemplar=exemplar, **options)


def exemplars_of(dataset, epoch=0):
    return [dataset[epoch, index].exemplar.name for index in range(len(dataset))]


def test_no_pair_has_an_exemplar_unless_it_is_asked_for(trees):
    batch = next(iter(module(trees.spade(), None).train_dataloader()))
    assert batch.condition.guide is None and batch.condition.guide_condition is None
    assert batch.own_exemplar is None


def test_another_pair_lends_its_photo_and_its_labels(trees):
    data = module(trees.spade(), "random", exemplar_own=0.0)
    dataset = data.dataset("train")
    plain = {sample.name: sample for sample in (dataset[index] for index in range(len(dataset)))}
    for index in range(len(dataset)):
        sample = dataset[index]
        assert sample.exemplar.name != sample.name
        assert np.array_equal(sample.exemplar.photo, plain[sample.exemplar.name].photo)
        assert np.array_equal(sample.exemplar.label, plain[sample.exemplar.name].label)
    batch = next(iter(data.train_dataloader()))
    assert batch.condition.guide.shape == (2, 3, 8, 8) and batch.condition.guide.abs().max() <= 1
    assert batch.condition.guide_condition.shape == batch.condition.label.shape
    assert batch.own_exemplar.tolist() == [False, False]
    assert batch.to("cpu").own_exemplar is not None


def test_choices_are_pure_functions_of_seed_epoch_and_index(trees):
    root = trees.spade(count=8)
    first, again = (module(root, "random", exemplar_own=0.3).dataset("train") for _ in range(2))
    for epoch in (0, 1, 5):
        assert exemplars_of(first, epoch) == exemplars_of(again, epoch)
    assert len({tuple(exemplars_of(first, epoch)) for epoch in range(5)}) > 1
    other = module(root, "random", exemplar_own=0.3, seed=9).dataset("train")
    assert [exemplars_of(other, epoch) for epoch in range(5)] != [
        exemplars_of(first, epoch) for epoch in range(5)
    ]


def test_exemplars_of_validation_are_fixed_and_never_the_own_photo(trees):
    dataset = module(trees.spade(), "random", exemplar_own=1.0).evaluation_dataset("val")
    names = exemplars_of(dataset, 0)
    assert names == exemplars_of(dataset, 3)
    assert all(lent != dataset[index].name for index, lent in enumerate(names))


def test_the_share_of_own_photos_is_kept():
    plan = Exemplars(lambda index, _, __: index + 1, own=0.25)
    own = sum(plan.choose(epoch, 3) == 3 for epoch in range(2000)) / 2000
    assert own == pytest.approx(0.25, abs=0.03)


def test_an_own_photo_is_distorted_with_its_labels(trees):
    data = module(trees.spade(), "self", batch_size=4)
    dataset = data.dataset("train")
    sample, later = dataset[0, 1], dataset[1, 1]
    assert sample.exemplar.name == sample.name
    assert not np.array_equal(sample.exemplar.photo, sample.photo)
    assert not np.array_equal(sample.exemplar.photo, later.exemplar.photo)
    batch = next(iter(data.train_dataloader()))
    assert batch.own_exemplar.tolist() == [True] * 4


def test_the_nearest_pairs_cover_the_classes_alike(trees):
    shares = np.array([[1, 0], [0, 1], [0.9, 0.1], [0.5, 0.5]], np.float32)
    assert ranked(shares, 0).tolist() == [2, 3, 1]
    assert ranked(shares, 1).tolist() == [3, 2, 0]
    data = module(trees.spade(count=8), "nearest", exemplar_own=0.0)
    dataset = data.dataset("train")
    labels = [data.layout.read(item).label for item in dataset.items]
    counted = np.stack([np.bincount(label.ravel(), minlength=3) / label.size for label in labels])
    places = {item.name: index for index, item in enumerate(dataset.items)}
    for index in range(len(places)):
        distance = np.abs(counted - counted[index]).sum(1)
        others = np.sort(np.delete(distance, index))
        found = {places[dataset[epoch, index].exemplar.name] for epoch in range(12)}
        assert index not in found and len(found) > 1
        assert all(distance[other] <= others[NEAREST - 1] + 1e-6 for other in found)
        fixed = data.evaluation_dataset("train")[index].exemplar.name
        assert distance[places[fixed]] == pytest.approx(others[0], abs=1e-6)


def test_a_file_lists_exemplars_the_best_first(trees, tmp_path):
    root = trees.spade()
    names = [item.name for item in module(root, None).items("train")]
    listed = tmp_path / "pairs.txt"
    lines = [f"{name}, {names[(i + 1) % 4]},{names[(i + 2) % 4]}" for i, name in enumerate(names)]
    listed.write_text("\n".join([*lines, "", "of another split,nothing"]))
    data = module(root, str(listed), exemplar_own=0.0)
    assert exemplars_of(data.evaluation_dataset("train")) == [names[(i + 1) % 4] for i in range(4)]
    found = {data.dataset("train")[epoch, 0].exemplar.name for epoch in range(12)}
    assert found == {names[1], names[2]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", r"pairs\.txt:1: 'a' has no exemplar"),
        ("a,b\nb,c", r"pairs\.txt:2: the split has no pair named 'c'"),
        ("a,b", r"names no exemplar for 1 of 2 pairs: b"),
        ("\xff", "cannot be read as text"),
    ],
)
def test_what_is_wrong_in_a_list_is_named(tmp_path, text, message):
    path = tmp_path / "pairs.txt"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=message):
        read_pairs(path, ["a", "b"])


def test_settings_that_do_not_fit_are_named(trees, tmp_path):
    data = module(trees.spade(), None)
    layout, items = data.layout, data.items("train")
    plan = partial(plan_exemplars, own=0.5, seed=0, fixed=False)
    with pytest.raises(UserError, match=r"data\.exemplar=.*nosuch.*: self, random, nearest or a file"):
        plan(str(tmp_path / "nosuch"), layout, items)
    with pytest.raises(UserError, match=r"which has 1: use data\.exemplar=self"):
        plan("random", layout, items[:1])
    with pytest.raises(UserError, match=r"data\.exemplar_own=2: a share from 0 to 1"):
        plan_exemplars("self", layout, items, own=2, seed=0, fixed=False)


def test_nearest_needs_labels(trees):
    data = module(trees.folders(), "nearest", partial(TwoFolders, condition="image"))
    with pytest.raises(UserError, match="compares the classes of label maps, but the conditions are images"):
        data.dataset("train")


def test_pictures_and_depths_are_conditions_of_exemplars_too(trees):
    data = module(trees.folders(), "random", partial(TwoFolders, condition="image"), exemplar_own=0.5)
    batch = next(iter(data.train_dataloader()))
    assert batch.condition.guide_condition.shape == batch.condition.image.shape


def test_a_split_without_photos_lends_none(trees):
    data = module(trees.spade(), "self")
    dataset = data.evaluation_dataset("val")
    dataset.with_photo = False  # as for a process that has no pair of its own
    assert dataset[0].photo is None and dataset[0].exemplar.photo is not None


def sample(side=64):
    rows = np.arange(side, dtype=np.int32)[:, None] * side + np.arange(side, dtype=np.int32)
    photo = np.stack([rows % 251, rows // side * 3 % 256, rows % 7], -1).astype(np.uint8)
    return Sample("a", label=rows, photo=photo, instance=rows)


def test_photo_and_labels_are_bent_alike():
    given = sample()
    bent = distort(given, 5)
    assert bent.label.dtype == np.int32 and bent.photo.dtype == np.uint8 and bent.instance is None
    rows = bent.label // 64  # where each pixel was taken from, to the nearest pixel
    assert np.abs(bent.photo[..., 1].astype(int) - rows * 3 % 256).mean() < 3
    assert np.array_equal(distort(given, 5).label, bent.label)
    assert not np.array_equal(distort(given, 6).label, bent.label)


def test_distortions_are_moderate_and_half_of_them_mirror():
    given, mirrored, moved = sample(), 0, []
    columns = np.arange(64)
    for seed in range(40):
        found = distort(given, seed).label % 64
        flip = found[32, 8] > found[32, 56]
        mirrored += flip
        moved.append(np.abs(found[32] - (columns[::-1] if flip else columns)).mean())
    assert 10 <= mirrored <= 30
    assert 0.5 < np.mean(moved) < 10


def test_a_depth_stays_in_its_range():
    depth = np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8)
    bent = distort(Sample("a", depth=depth), 0).depth
    assert bent.dtype == np.float32 and bent.min() >= -1 and bent.max() <= 1


def test_a_batch_of_exemplars_can_be_pinned_and_moved(trees):
    batch = next(iter(module(trees.spade(), "self").train_dataloader()))
    moved = batch.to(torch.device("meta"))
    assert moved.condition.guide.is_meta and moved.own_exemplar.is_meta
