import pytest

from asap_lightning.data.layouts import SpadeFolders
from asap_lightning.data.shards import plan as plan_module
from asap_lightning.data.shards.members import Encoding
from asap_lightning.data.shards.plan import plan
from asap_lightning.data.transforms import Geometry


class OneSet(SpadeFolders):
    """Every split has the pairs of the training."""

    def items(self, split):
        return super().items("train")


@pytest.mark.parametrize(
    ("resized", "expected"), [(False, {"val": "train", "test": "train"}), (True, {"test": "val"})]
)
def test_splits_of_the_same_pairs_are_written_once_unless_training_resizes_its_own(trees, resized, expected):
    layout = OneSet(trees.spade(), num_classes=3)
    sizes = (Geometry(mode="fixed", height=8, width=8), Geometry(mode="fixed", height=16, width=16))
    encoding = Encoding(resize=sizes if resized else None)
    planned, same_as = plan(layout, ("train", "val", "test"), {}, encoding, 1 << 20)
    assert same_as == expected
    assert [shard.split for shard in planned] == (["train", "val"] if resized else ["train"])


@pytest.mark.parametrize(
    ("room", "shards"), [(1024, [2, 2]), (1535, [2, 2]), (1536, [3, 1]), (100, [1, 1, 1, 1])]
)
def test_a_shard_is_filled_to_the_last_byte_and_holds_a_pair_at_least(trees, monkeypatch, room, shards):
    monkeypatch.setattr(plan_module, "_size_of_files", lambda layout: lambda item: 512)
    layout = SpadeFolders(trees.spade(count=4), num_classes=3)
    planned, _ = plan(layout, ("train",), {}, Encoding(), room)
    assert [len(shard.items) for shard in planned] == shards
