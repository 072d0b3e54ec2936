import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asap_lightning.errors import UserError
from asap_lightning.tracking import find_offline_runs, make_wandb_logger, read_offline_run
from asap_lightning.tracking.offline import BLOCK, is_closed, log_payloads


def written_log(records: list[bytes]) -> bytes:
    """LevelDB's log format, written from its description: the reader's counterpart."""
    out = bytearray(b":W&B\x00\x00\x00")
    for record in records:
        rest, first = record, True
        while True:
            left = BLOCK - len(out) % BLOCK
            if left < 7:
                out += bytes(left)
                left = BLOCK
            piece, rest = rest[: left - 7], rest[left - 7 :]
            kind = {(True, True): 1, (True, False): 2, (False, False): 3, (False, True): 4}[first, not rest]
            checksum = zlib.crc32(bytes([kind]) + piece)
            out += struct.pack("<IHB", checksum, len(piece), kind) + piece
            first = False
            if not rest:
                break
    return bytes(out)


@given(st.lists(st.integers(0, 3 * BLOCK), max_size=6), st.data())
def test_records_of_any_length_are_read_and_a_cut_end_is_dropped(lengths: list[int], data: Any) -> None:
    records = [bytes([index + 1]) * length for index, length in enumerate(lengths)]
    content = written_log(records)
    assert list(log_payloads(content)) == records
    cut = data.draw(st.integers(7, len(content)))
    read = list(log_payloads(content[:cut]))
    assert read == records[: len(read)]


@pytest.mark.parametrize("length", [BLOCK - 14, BLOCK - 15, BLOCK - 20, BLOCK - 21])
def test_block_ends(length: int) -> None:
    records = [b"a" * length, b"b" * 3, b"c" * 9]
    assert list(log_payloads(written_log(records))) == records


def test_a_damaged_record_ends_the_reading() -> None:
    content = bytearray(written_log([b"one", b"two", b"three"]))
    content[content.index(b"two")] ^= 1
    assert list(log_payloads(bytes(content))) == [b"one"]


def test_reading_may_start_at_a_later_block() -> None:
    content = written_log([b"a" * 50_000, b"b" * 100])
    assert list(log_payloads(content[BLOCK:], 0)) == [b"b" * 100]


@pytest.fixture
def long_run(tmp_path: Path) -> Path:
    """A run whose file has several blocks and records across their ends."""
    logger = make_wandb_logger(tmp_path, config={"text": "x" * 40_000})
    for step in range(200):
        logger.log_metrics({f"metric/{i}": step + i / 8 for i in range(8)}, step=step)
    logger.finish()
    (folder,) = find_offline_runs(tmp_path)
    return folder


def test_a_file_of_several_blocks(long_run: Path) -> None:
    (file,) = long_run.glob("*.wandb")
    assert file.stat().st_size > 3 * BLOCK
    run = read_offline_run(file)
    assert run.config["text"] == "x" * 40_000
    assert run.series("metric/7") == [(step, step + 0.875) for step in range(200)]
    assert run.finished and is_closed(file)


def test_a_run_that_was_killed_is_read_as_far_as_it_got(long_run: Path) -> None:
    (file,) = long_run.glob("*.wandb")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    run = read_offline_run(long_run)
    assert not run.finished and not is_closed(file)
    steps = [step for step, _ in run.series("metric/0")]
    assert 20 < len(steps) < 200 and steps == list(range(len(steps)))


def test_wrong_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected a W&B run folder"):
        read_offline_run(tmp_path)
    (tmp_path / "run-a.wandb").write_bytes(b"PK\x03\x04")
    with pytest.raises(UserError, match="not a W&B run file"):
        read_offline_run(tmp_path)


def test_runs_are_found_once_and_in_order(tmp_path: Path, track: Callable[..., Any]) -> None:
    for name in ("b", "a"):
        make_wandb_logger(tmp_path / name, run_id=f"id{name}").experiment.finish()
    assert (tmp_path / "a" / "wandb" / "latest-run").is_symlink()
    assert sorted(path.name[-3:] for path in find_offline_runs(tmp_path)) == ["ida", "idb"]
