"""A data set that is made on the spot appears whole, and once."""

import threading
from functools import partial

import pytest

from asap_lightning.data import PairedDataModule
from asap_lightning.data.demo import write_demo_dataset
from asap_lightning.data.layouts import CmpFacades
from asap_lightning.errors import UserError


def module(root, prepare):
    return PairedDataModule(root, partial(CmpFacades, split="ratio"), height=32, width=32, prepare=prepare)


def test_of_two_trainings_at_once_one_draws_and_the_other_waits(tmp_path):
    calls = []

    def draw(root):
        calls.append(root)
        write_demo_dataset(root, count=2, size=32, workers=1, progress=False)

    modules = [module(tmp_path / "new" / "demo", draw) for _ in range(2)]
    together = threading.Barrier(2)

    def train(each):
        together.wait(60)
        each.prepare_data()

    threads = [threading.Thread(target=train, args=(each,)) for each in modules]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1
    assert len(list((tmp_path / "new" / "demo" / "base").glob("*.xml"))) == 2


def test_an_interrupted_drawing_leaves_no_data_set_and_is_continued(tmp_path):
    root = tmp_path / "demo"

    def killed(folder):
        write_demo_dataset(folder, count=3, size=32, workers=1, progress=False)
        (folder / "base" / "cmp_b0003.xml").unlink()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        module(root, killed).prepare_data()
    assert not root.exists()
    kept = []

    def continued(folder):
        kept.append(write_demo_dataset(folder, count=3, size=32, workers=1, progress=False))

    module(root, continued).prepare_data()
    assert root.is_dir()
    assert [summary.reused for summary in kept] == [2]


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    module(tmp_path, pytest.fail).prepare_data()


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file/demo: the data set could not be made there"):
        module(tmp_path / "file" / "demo", pytest.fail).prepare_data()
