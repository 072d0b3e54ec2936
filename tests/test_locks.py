"""Locks between processes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from asap_lightning.locks import is_locked, lock_at, taken

HOLD = "import signal, sys; from asap_lightning.locks import lock_at; lock = lock_at(sys.argv[1]); lock.acquire(); print(flush=True); signal.pause()"  # noqa: E501


def test_a_lock_is_exclusive_and_given_back(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    first, second = lock_at(path), lock_at(path)
    assert not is_locked(path), "there is no file yet"
    assert taken(first)
    assert not taken(second) and is_locked(path)
    first.release()
    first.release()
    assert taken(second)
    second.release()
    with lock_at(path):
        assert is_locked(path)
    assert not is_locked(path)


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    assert is_locked(path)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    assert not is_locked(path)


FORKED = """
import os, sys
from asap_lightning.locks import is_locked, lock_at
lock = lock_at(sys.argv[1])
lock.acquire()
reading, writing = os.pipe()
if os.fork() == 0:  # as a loader worker that outlives its parent
    os.write(writing, b".")
    os.read(sys.stdin.fileno(), 1)
    os._exit(0)
os.read(reading, 1)
lock.release()
print(is_locked(sys.argv[1]))
"""


def test_a_forked_child_does_not_keep_its_parents_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FORKED, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as forks:
        assert forks.stdout is not None and forks.stdout.readline() == "False\n"
