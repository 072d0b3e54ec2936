"""Several processes on one folder: each image once, whatever happens to them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from asap_lightning.errors import UserError
from asap_lightning.inference import work as work_module
from asap_lightning.inference.conditions import Job
from asap_lightning.inference.origin import Recipe, origin_of
from asap_lightning.inference.parts import Part, launched, parse_part
from asap_lightning.inference.work import work
from waiting import wait_for

COUNT = 12
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in/deep").mkdir(parents=True)
    (tmp_path / "model.ckpt").write_bytes(b"weights")
    for number in range(COUNT):
        where = tmp_path / "in" / ("deep" if number % 2 else "") / f"{number}.png"
        Image.fromarray(np.full((4, 5), number, np.uint8)).save(where)
    return tmp_path


def jobs_of(folder: Path) -> list[Job]:
    sources = sorted((folder / "in").rglob("*.png"))
    return [Job(path, None, folder / "out" / path.relative_to(folder / "in")) for path in sources]


def recipe_of(folder: Path, **options) -> Recipe:
    return Recipe(folder / "model.ckpt", options)


class Translate:
    """Brightens a picture when it may, and notes in a file that it has been asked to."""

    def __init__(self, folder: Path, may_go_on: Callable[[], object] = lambda: None) -> None:
        self.notes, self.may_go_on = folder / "notes.txt", may_go_on

    def __call__(self, job: Job):
        with self.notes.open("a") as file:
            file.write(f"{job.source.name}\n")
        self.may_go_on()
        with Image.open(job.source) as picture:
            if picture.size != (5, 4):
                raise UserError(f"{job.source} is bad")
            return {"": np.repeat(np.asarray(picture)[..., None] + np.uint8(100), 3, axis=2)}

    def asked(self) -> list[str]:
        return sorted(self.notes.read_text().split()) if self.notes.exists() else []


def run(folder: Path, may_go_on: Callable[[], object] = lambda: None, **options):
    return work(jobs_of(folder), Translate(folder, may_go_on), recipe_of(folder), folder / "out", **options)


def in_process(folder: Path, may_go_on: Callable[[], object]) -> multiprocessing.Process:
    process = FORK.Process(target=run, args=(folder, may_go_on), daemon=True)
    process.start()
    return process


def assert_whole(folder: Path) -> None:
    for job in jobs_of(folder):
        with Image.open(job.source) as source, Image.open(job.target) as made:
            np.testing.assert_array_equal(np.asarray(made)[..., 0], np.asarray(source) + 100)
    assert not (folder / "out/.claims").exists()
    assert not list((folder / "out").rglob("*.tmp"))


def test_two_processes_share_a_folder_and_do_nothing_twice(folder):
    both = FORK.Barrier(2)
    first = [FORK.Lock() for _ in range(2)]  # the first image of each waits for the other's

    def meet(own) -> None:
        if own.acquire(block=False):
            both.wait(60)

    processes = [in_process(folder, partial(meet, own)) for own in first]
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert Translate(folder).asked() == sorted(job.source.name for job in jobs_of(folder))
    assert_whole(folder)
    assert run(folder).there == COUNT


def test_kill_9_in_the_middle_and_resume(folder):
    allowed = FORK.Semaphore(3)
    victim = in_process(folder, allowed.acquire)
    wait_for(lambda: len(Translate(folder).asked()) == 4, "the fourth image is begun")
    os.kill(victim.pid, signal.SIGKILL)
    victim.join(10)
    assert victim.exitcode == -signal.SIGKILL
    finished = len(list((folder / "out").rglob("*.png")))
    assert finished == 3
    tally = run(folder)
    assert (tally.there, tally.translated) == (finished, COUNT - finished)
    names = Translate(folder).asked()
    assert len(names) <= COUNT + 1, "only the image that was interrupted is made again"
    assert_whole(folder)


def test_the_image_of_a_process_that_dies_is_taken_over(folder):
    victim = in_process(folder, FORK.Semaphore(0).acquire)
    wait_for(Translate(folder).asked, "the first image is begun")

    def kill() -> None:
        wait_for(lambda: len(Translate(folder).asked()) == COUNT, "all others are begun")
        os.kill(victim.pid, signal.SIGKILL)

    threading.Thread(target=kill).start()
    tally = run(folder)
    victim.join(10)
    assert tally.translated == COUNT and not tally.failures
    assert_whole(folder)


def test_others_images_are_waited_for(folder, monkeypatch):
    monkeypatch.setattr(work_module, "PAUSE", 0.01)
    allowed = FORK.Semaphore(0)
    other = in_process(folder, allowed.acquire)
    wait_for(Translate(folder).asked, "the first image is begun")

    def allow() -> None:
        wait_for(lambda: len(Translate(folder).asked()) == COUNT, "all others are begun")
        allowed.release()

    threading.Thread(target=allow).start()
    tally = run(folder)
    other.join(60)
    assert (tally.translated, tally.others) == (COUNT - 1, 1)
    assert len(Translate(folder).asked()) == COUNT
    assert_whole(folder)


def test_what_counts_as_finished(folder):
    run(folder)
    first, second, third = (job.target for job in jobs_of(folder)[:3])
    second.write_bytes(second.read_bytes()[:-3])  # cut off by some other program
    third.unlink()
    with pytest.raises(UserError, match=r"1 of 12 images are there already .* overwrite=changed"):
        run(folder)
    tally = run(folder, overwrite="changed")
    assert (tally.there, tally.translated) == (COUNT - 2, 2)
    Image.fromarray(np.full((4, 5), 77, np.uint8)).save(jobs_of(folder)[0].source)
    assert run(folder, overwrite="changed").translated == 1
    assert origin_of(first) is not None
    assert run(folder, overwrite="all").translated == COUNT
    assert_whole(folder)


@pytest.mark.parametrize("change", ["checkpoint", "options"])
def test_images_of_another_checkpoint_are_not_taken_for_finished(folder, change):
    run(folder)
    if change == "checkpoint":
        (folder / "model.ckpt").write_bytes(b"other weights")
    recipe = recipe_of(folder, **({"seed": 1} if change == "options" else {}))
    with pytest.raises(UserError, match=r"12 of 12 images .* and 7 more\. overwrite=changed makes them anew"):
        work(jobs_of(folder), Translate(folder), recipe, folder / "out")


def test_bad_files_are_listed_and_the_others_made(folder):
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(folder / "in/4.png")
    tally = run(folder)
    assert tally.translated == COUNT - 1
    assert [failure.text for failure in tally.failures] == [f"{folder}/in/4.png is bad"]
    assert not (folder / "out/.claims").exists()


TOO_LARGE = {
    "python": MemoryError(),
    "numpy": np._core._exceptions._ArrayMemoryError((9,), np.dtype("u1")),
    "torch on a CPU": RuntimeError(
        "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried "
        "to allocate 4000000000000 bytes. Error code 12 (Cannot allocate memory)"
    ),
    "torch on a GPU": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
    "cuda itself": RuntimeError("CUDA error: out of memory"),
}


@pytest.mark.parametrize("kind", TOO_LARGE)
def test_a_file_that_does_not_fit_into_memory_stops_no_others(folder, kind):
    translate = Translate(folder)

    def limited(job):
        if job.source.name == "4.png":
            raise TOO_LARGE[kind]
        return translate(job)

    tally = work(jobs_of(folder), limited, recipe_of(folder), folder / "out")
    assert tally.translated == COUNT - 1
    (failure,) = tally.failures
    assert failure.text == (
        f"{folder}/in/4.png (5 x 4 pixels) does not fit into memory: make it smaller, or use a machine with "
        "more memory"
    )


def test_a_fault_of_the_program_is_no_fault_of_a_file(folder):
    def broken(job):
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        work(jobs_of(folder), broken, recipe_of(folder), folder / "out")


def test_a_name_that_the_system_refuses_stops_no_others(folder):
    jobs = jobs_of(folder)
    jobs[0] = Job(jobs[0].source, None, folder / "out" / ("x" * 300 + ".png"))
    tally = work(jobs, Translate(folder), recipe_of(folder), folder / "out")
    assert tally.translated == COUNT - 1 and "cannot be written" in tally.failures[0].text


def test_an_input_that_cannot_be_read_stops_no_others(folder):
    run(folder)
    (folder / "in/4.png").unlink()
    jobs = [Job(folder / "in/4.png", None, folder / "out/4.png"), *jobs_of(folder)]
    tally = work(jobs, Translate(folder), recipe_of(folder), folder / "out")
    assert tally.there == COUNT - 1 and "4.png cannot be read" in tally.failures[0].text


def test_parts_are_everything_once():
    items = list(range(11))
    parts = [parse_part(f"{k}/4").of(items) for k in range(4)]
    assert sorted(item for part in parts for item in part) == items
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("given", ["4/4", "1", "a/b", "-1/2", "1/0"])
def test_a_wrong_part(given):
    with pytest.raises(UserError, match="part="):
        parse_part(given)


def test_launchers_number_their_processes():
    assert launched({}) == Part()
    assert launched({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}) == Part(3, 4, 1)
    srun = {"SLURM_PROCID": "2", "SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "0"}
    assert launched(srun) == Part(2, 8, 0)
    assert launched({"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}) == Part(), "a batch script is one process"
    assert parse_part("auto", {}) == Part()
