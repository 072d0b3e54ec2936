"""DeepFashion-HD's folders: poses beside photos."""

import numpy as np
import pytest
from PIL import Image

from asap_lightning.data import PairedDataModule
from asap_lightning.data.check import check_dataset, sample_picture
from asap_lightning.data.exemplars import plan_exemplars
from asap_lightning.data.layouts import DeepFashionPoses
from asap_lightning.errors import UserError

NAME = "WOMEN_Dresses_id_train_00_1_front"


def test_pairs_follow_the_lists(trees):
    layout = DeepFashionPoses(trees.deepfashion())
    assert layout.items("train")[0].name == NAME and len(layout.items("train")) == 4
    assert layout.items("val") == layout.items("test") != layout.items("train")
    sample = layout.read(layout.items("train")[0])
    assert sample.image is not None and sample.photo is not None
    assert sample.image.shape == (64, 64, 20) and sample.photo.shape == (64, 64, 3)
    assert layout.spec.kind == "image" and layout.spec.planes == 20
    armless = layout.read(layout.items("train")[3]).image
    assert (armless[..., 3 + 2] == 255).all() and not (sample.image[..., 3 + 2] == 255).all()


def test_batches_and_the_check(trees):
    root = trees.deepfashion()
    data = PairedDataModule(
        root, DeepFashionPoses, 48, 48, mode="resize_and_crop", load_height=56, load_width=56, flip=False,
        exemplar="random", batch_size=2,
    )  # fmt: skip
    batch = next(iter(data.train_dataloader()))
    assert batch.condition.image.shape == (2, 20, 48, 48) == batch.condition.guide_condition.shape
    assert batch.condition.image.min() >= -1 and batch.condition.image.max() <= 1
    layout = DeepFashionPoses(root)
    report = check_dataset(layout)
    assert report.ok and [split.pairs for split in report.splits] == [4, 4, 4]
    assert sample_picture(layout).shape[2] == 3
    (root / "pose/WOMEN/Dresses/id_val/01_1_front_candidate.txt").write_text("1 2\n3\n")
    (problem,) = check_dataset(layout, ["val"]).problems
    assert "01_1_front_candidate.txt:2 is '3'" in problem.text


def test_a_list_of_exemplars_may_hold_the_authors_paths(trees):
    layout = DeepFashionPoses(trees.deepfashion())
    items = layout.items("train")
    paths = [f"deepfashionHD/img/WOMEN/Dresses/id_train/{number:02d}_1_front.jpg" for number in range(4)]
    lines = [f"{one},{other}" for one, other in zip(paths, paths[1:] + paths[:1], strict=True)]
    (layout.root / "pairs.txt").write_text("\n".join(lines))
    plan = plan_exemplars(str(layout.root / "pairs.txt"), layout, items, own=0.0, seed=0, fixed=True)
    assert [plan.choose(0, index) for index in range(4)] == [1, 2, 3, 0]


@pytest.mark.parametrize("line", ["../img/a.jpg", "img/../../a.jpg", "WOMEN/a.jpg", "img/", "img/a"])
def test_lines_that_name_no_photo_of_the_folder(trees, line):
    root = trees.deepfashion()
    with (root / "train.txt").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(UserError, match=r"train.txt:5 is '.*'; a path such as img/WOMEN"):
        DeepFashionPoses(root).items("train")


def test_what_is_missing_is_named(trees):
    root = trees.deepfashion()
    (root / "pose/WOMEN/Dresses/id_train/02_1_front_subset.txt").unlink()
    with pytest.raises(UserError, match=r"train.txt names photos of which .*02_1_front_subset"):
        DeepFashionPoses(root).items("train")
    (root / "val.txt").unlink()
    with pytest.raises(UserError, match=r"there is no val.txt"):
        DeepFashionPoses(root).items("val")


def test_photos_must_be_squares(trees):
    layout = DeepFashionPoses(trees.deepfashion())
    item = layout.items("train")[0]
    Image.fromarray(np.zeros((90, 60, 3), np.uint8)).save(item.photo)
    with pytest.raises(UserError, match=r"00_1_front.jpg is 60 x 90 .*pad the photo"):
        layout.read(item)
    with pytest.raises(UserError, match=r"data.layout.side=0"):
        DeepFashionPoses(layout.root, side=0)
