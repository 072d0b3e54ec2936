"""Pictures translated with a manifest: each once, resumed by content, whatever fails or dies."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import tarfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from asap_lightning.batch import Entry, Setup, folder_entries, translate_batch
from asap_lightning.batch.attempts import Attempts
from asap_lightning.batch.manifest import Manifest
from asap_lightning.batch.worker import Worker
from asap_lightning.errors import UserError
from asap_lightning.files import sha256_of
from asap_lightning.inference.styles import Styles
from asap_lightning.locks import lock_at

FORK = multiprocessing.get_context("fork")


def entries_of(folder: Path) -> list[Entry]:
    return [Entry(path.stem, str(path)) for path in sorted(folder.glob("*.png"))]


class Counting(Worker):
    """Notes which pictures it has translated; one that is called ``poison`` ends the process."""

    def _translate(self, entry, read, pictures):
        with (self.setup.output.parent / "asked.txt").open("a") as file:
            file.write(f"{entry.name}\n")
        if entry.name == "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._translate(entry, read, pictures)


def asked(setup: Setup) -> list[str]:
    path = setup.output.parent / "asked.txt"
    names = path.read_text().split() if path.exists() else []
    path.write_text("")
    return names


def run(pictures: Path, setup: Setup, **options):
    return translate_batch(entries_of(pictures), setup, kind=Counting, unit=4, **options)


def rows_of(setup: Setup) -> list[dict[str, str]]:
    return [json.loads(line) for line in (setup.output / "manifest.jsonl").read_text().splitlines()]


def test_files_and_manifest_and_a_second_call_that_has_nothing_to_do(pictures, setup, translator):
    calls: list[tuple[int, int]] = []
    tally = run(pictures, setup, progress=lambda *count: calls.append(count))
    assert (tally.translated, tally.there, tally.failures) == (6, 0, [])
    assert calls == [(0, 6), (4, 6), (6, 6)]
    for row in rows_of(setup):
        path = setup.output / row["file"]
        expected = translator(np.asarray(Image.open(row["source"])))
        assert np.array_equal(np.asarray(Image.open(path)), expected)
        assert row["status"] == "done" and row["digest"] == sha256_of(path)
        assert row["source_digest"] == sha256_of(Path(row["source"]))
    left = {".manifest.lock", "manifest.jsonl", *(f"{number}.png" for number in range(6))}
    assert {path.name for path in setup.output.iterdir()} == left
    asked(setup)
    tally = run(pictures, setup)
    assert (tally.translated, tally.there) == (0, 6) and asked(setup) == []


def test_what_is_no_longer_as_the_manifest_says_is_made_anew(pictures, setup):
    run(pictures, setup)
    asked(setup)
    (setup.output / "0.png").write_bytes(b"changed")
    (setup.output / "1.png").unlink()
    Image.fromarray(np.zeros((8, 12), np.uint8)).save(pictures / "2.png")
    Image.fromarray(np.zeros((8, 12), np.uint8)).save(pictures / "6.png")
    tally = run(pictures, setup)
    assert asked(setup) == ["0", "1", "2", "6"] and (tally.translated, tally.there) == (4, 3)
    assert len(rows_of(setup)) == 7


def test_pictures_of_another_recipe_are_kept_unless_it_is_said(pictures, setup):
    run(pictures, setup)
    asked(setup)
    other = replace(setup, style=Styles((1,)))
    with pytest.raises(UserError, match=r"6 of 6 pictures .* with another checkpoint or other options: 0, 1"):
        run(pictures, other)
    assert run(pictures, other, overwrite="changed").translated == 6
    assert run(pictures, other, overwrite="all").translated == 6


def test_a_picture_that_fails_is_listed_and_tried_again_by_the_next_call(pictures, setup):
    (pictures / "bad.png").write_bytes(b"no picture")
    Image.fromarray(np.full((8, 12), 9, np.uint8)).save(pictures / "worse.png")
    tally = run(pictures, setup)
    assert tally.translated == 6 and len(tally.failures) == 2
    rows = {row["name"]: row for row in rows_of(setup)}
    assert "is not an image" in rows["bad"]["error"] and "label id 9" in rows["worse"]["error"]
    assert not (setup.output / "bad.png").exists()
    Image.fromarray(np.zeros((8, 12), np.uint8)).save(pictures / "bad.png")
    asked(setup)
    assert run(pictures, setup).translated == 1 and asked(setup) == ["bad", "worse"]


def test_faults_of_the_program_and_names_that_are_too_long_are_failures_of_one_picture(
    pictures, setup, monkeypatch
):
    from asap_lightning.inference import Translator

    original = Translator.__call__

    def faulty(self, condition, *args, **options):
        if (condition == 0).all():
            raise RuntimeError("a kernel has a fault")
        return original(self, condition, *args, **options)

    monkeypatch.setattr(Translator, "__call__", faulty)
    Image.fromarray(np.zeros((8, 12), np.uint8)).save(pictures / "black.png")
    entries = [*entries_of(pictures), Entry("n" * 254, str(pictures / "0.png"))]
    tally = translate_batch(entries, setup)
    assert tally.translated == 6
    texts = "\n".join(complaint.text for complaint in tally.failures)
    assert "RuntimeError: a kernel has a fault" in texts and "File name too long" in texts


def test_shards_are_written_and_resumed(pictures, setup, translator):
    shards = replace(setup, form="shards")
    (pictures / "bad.png").write_bytes(b"no picture")
    assert run(pictures, shards).translated == 6
    names = sorted(path.name for path in setup.output.glob("*.tar"))
    assert names == ["pictures-000000.tar", "pictures-000001.tar"]
    for row in rows_of(setup):
        if row["status"] == "done":
            with tarfile.open(setup.output / row["file"]) as tar:
                content = tar.extractfile(row["member"]).read()
            expected = translator(np.asarray(Image.open(row["source"])))
            assert np.array_equal(np.asarray(Image.open(BytesIO(content))), expected)
    asked(setup)
    assert run(pictures, shards).there == 6 and asked(setup) == ["bad"]
    (setup.output / "pictures-000001.tar").write_bytes(b"")
    tally = run(pictures, shards)
    assert (tally.there, tally.translated) == (4, 2)
    assert (setup.output / "pictures-000002.tar").exists()
    assert not (setup.output / "pictures-000001.tar").exists(), "no row names it any more"


def test_a_process_that_was_killed_is_gone_on_with(pictures, setup):
    Image.fromarray(np.zeros((8, 12), np.uint8)).save(pictures / "poison.png")
    for number in range(3):
        process = FORK.Process(target=run, args=(pictures, setup))
        process.start()
        process.join(100)
        assert process.exitcode == -signal.SIGKILL
        assert Attempts(setup.output).deaths("poison") == number + 1
    assert sorted(asked(setup)) == sorted([*map(str, range(6)), *["poison"] * 3]), "all others once"
    times = {path.name: path.stat().st_mtime_ns for path in setup.output.glob("*.png")}
    tally = run(pictures, setup)
    assert tally.quarantined == 1 and asked(setup) == ["4", "5"], "in one unit with it, never noted"
    assert times == {path.name: path.stat().st_mtime_ns for path in setup.output.glob("*.png")}
    row = next(row for row in rows_of(setup) if row["name"] == "poison")
    assert row["status"] == "quarantined" and "ended 3 times" in row["error"]
    assert run(pictures, setup).quarantined == 1, "it is not tried again"
    done = [row for row in rows_of(setup) if row["status"] == "done"]
    assert len(done) == 6


def test_overwriting_takes_pictures_out_of_quarantine(pictures, setup):
    Attempts(setup.output).begin("0")
    Attempts(setup.output).begin("0")
    Attempts(setup.output).begin("0")
    assert run(pictures, setup).quarantined == 1
    assert run(pictures, setup, overwrite="all").translated == 6
    assert not Attempts(setup.output).folder.exists()


def test_those_that_were_read_ahead_of_a_culprit_do_not_suffer(pictures, setup):
    attempts = Attempts(setup.output)
    for number in range(6):  # as a process leaves them that was killed while it read ahead
        attempts.begin(str(number))
        attempts.begin(str(number))
    tally = run(pictures, setup)
    assert tally.translated == 6 and not attempts.folder.exists()


def test_ctrl_c_leaves_no_marks(pictures, setup):
    class Interrupted(Counting):
        def _translate(self, entry, read, pictures):
            if entry.name == "2":
                raise KeyboardInterrupt
            return super()._translate(entry, read, pictures)

    with pytest.raises(KeyboardInterrupt):
        translate_batch(entries_of(pictures), setup, kind=Interrupted, unit=2)
    assert list(Manifest(setup.output).load()) == ["0", "1"]
    assert not list(Attempts(setup.output).folder.glob("*"))
    assert run(pictures, setup).translated == 4


def test_an_output_that_cannot_be_written_ends_the_work(pictures, setup, monkeypatch):
    def full(path, *_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("asap_lightning.batch.worker.atomic_write", full)
    with pytest.raises(UserError, match="cannot be written: No space left"):
        run(pictures, setup)
    (setup.output.parent / "file").write_bytes(b"")
    with pytest.raises(UserError, match="cannot be written"):
        run(pictures, replace(setup, output=setup.output.parent / "file/out"))


def test_one_process_writes_a_manifest(pictures, setup):
    with lock_at(setup.output / ".manifest.lock"), pytest.raises(UserError, match="another asap predict"):
        run(pictures, setup)


def test_a_worker_that_finds_another_checkpoint_says_so(pictures, setup):
    with pytest.raises(UserError, match="is another file here than where"):
        run(pictures, replace(setup, digest="0" * 64))


def test_a_folder_as_entries(pictures, setup, translator):
    (pictures / "deep").mkdir()
    (pictures / "0.png").rename(pictures / "deep/0.png")
    entries, found = folder_entries(pictures, setup.output, translator.spec, pattern="**/*", instances=None)
    assert (
        sorted(entry.name for entry in entries) == ["1", "2", "3", "4", "5", "deep/0"] and not found.refused
    )
    assert translate_batch(entries, setup).translated == 6
    assert (setup.output / "deep/0.png").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "boxes"}, "batch.write=boxes"),
        ({"readers": 0}, "batch.readers=0"),
        ({"deaths": 0}, "batch.deaths=0"),
    ],
)
def test_options_out_of_range(setup, options, message):
    with pytest.raises(UserError, match=message):
        replace(setup, **options)


def test_other_mistakes(pictures, setup):
    with pytest.raises(UserError, match="engine=far: local or ray"):
        translate_batch([], setup, engine="far")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"batch\.unit=0"):
        translate_batch(entries_of(pictures), setup, unit=0)
