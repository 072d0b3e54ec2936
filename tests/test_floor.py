"""The lowest floor: conditions, atomic files."""

import os
import stat

import pytest
import torch

from asap_lightning.condition import Condition, ConditionSpec, instance_edges
from asap_lightning.files import atomic_folder, atomic_write, share_file


def test_a_label_condition_is_encoded_as_planes_and_edges():
    spec = ConditionSpec(num_classes=2, has_unknown=True, instance_edges=True)
    condition = Condition(label=torch.tensor([[[0, 1, 2]]]), instance=torch.tensor([[[5, 5, 6]]]))
    assert (spec.label_channels, spec.planes, spec.dense_channels) == (3, 3, 4)
    expected = [[[1, 0, 0]], [[0, 1, 0]], [[0, 0, 1]], [[0, 1, 1]]]
    assert spec.encode(condition)[0].tolist() == expected


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool])
def test_label_maps_that_hold_no_ids_are_refused(dtype):
    condition = Condition(label=torch.ones(1, 2, 2, dtype=dtype))
    with pytest.raises(TypeError, match="integer class ids"):
        ConditionSpec(num_classes=2).encode(condition)


def test_edges_are_where_a_neighbour_differs(reference_dir):
    recording = torch.load(reference_dir / "asap_cityscapes.pt", weights_only=True)
    found = instance_edges(recording["inputs"]["instance"][:, 0])
    assert torch.equal(found.float(), recording["outputs"]["edges"])


def test_specs_survive_a_checkpoint(tmp_path):
    spec = ConditionSpec(num_classes=3, has_unknown=True, class_names=("a", "b", "c"))
    torch.save(spec.as_dict(), tmp_path / "spec.pt")
    assert ConditionSpec.from_dict(torch.load(tmp_path / "spec.pt", weights_only=True)) == spec


def test_impossible_specs_and_conditions_are_refused():
    with pytest.raises(ValueError, match="num_classes >= 1"):
        ConditionSpec(kind="label")
    with pytest.raises(ValueError, match=r"channels >= 1"):
        ConditionSpec(kind="depth")
    with pytest.raises(ValueError, match="both are missing"):
        Condition()


def test_writing_never_touches_the_umask(tmp_path, monkeypatch):
    """Even for a moment, another thread's new files would be open to everybody."""
    before = os.umask(0o027)
    try:
        monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("the umask is the whole process's"))
        (tmp_path / "plain").touch()
        with atomic_write(tmp_path / "folder" / "file") as file:
            file.write(b"content")
        monkeypatch.setattr(os, "link", lambda *names: exec("raise OSError('no hard links here')"))
        share_file(tmp_path / "folder" / "file", tmp_path / "copy")
    finally:
        monkeypatch.undo()
        os.umask(before)
    for path in ("folder/file", "copy"):
        assert (tmp_path / path).stat().st_mode == (tmp_path / "plain").stat().st_mode
        assert stat.S_IMODE((tmp_path / path).stat().st_mode) == 0o640


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    with atomic_write(path, "w") as file:
        file.write("old")
    with pytest.raises(RuntimeError), atomic_write(path, "w") as file:
        file.write("half of the new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(path.parent) == ["file.txt"]
    assert stat.S_IMODE(path.stat().st_mode) & 0o400


def test_a_folder_is_there_when_it_is_whole(tmp_path):
    target = tmp_path / "deep" / "folder"
    with pytest.raises(RuntimeError), atomic_folder(target) as made:
        made.mkdir()
        raise RuntimeError
    assert not list(target.parent.iterdir())
    with atomic_folder(target) as made:
        made.mkdir()
        (made / "a").touch()
    assert [path.name for path in target.parent.rglob("*")] == ["folder", "a"]


def test_a_folder_with_files_is_replaced_only_where_that_is_said(tmp_path):
    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(OSError, match="not empty"), atomic_folder(target) as made:
        made.mkdir()
    assert [path.name for path in tmp_path.rglob("*")] == ["folder", "old"]
    with atomic_folder(target, replace=True) as made:
        made.mkdir()
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]
