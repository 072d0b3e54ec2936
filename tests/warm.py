"""``asap``, and scripts, in processes of their own, forked from one which has imported everything already.

A start of Python that imports what training needs takes as long as ten tests. What is tested here is how a
process behaves (signals, kills, exit codes, files); that a fresh one works is tested once for every command.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from waiting import wait_for

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["asap_lightning.commands.train", "asap_lightning.data.demo"])


def _run(arguments: list[str], folder: str, variables: dict[str, str], said: str, script: str | None) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    for stream in (1, 2):
        file = os.open(f"{said}.{stream}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, stream)
        os.close(file)
    if script is not None:
        sys.argv = [script, *arguments]
        runpy.run_path(script, run_name="__main__")
        return
    from asap_lightning import cli

    sys.exit(cli.main(arguments))


class AsapProcess:
    """``asap ARGUMENTS`` in a folder; whatever fails, it does not outlive the tests.

    Args:
        arguments: words behind ``asap``.
        folder: its working folder; what it prints is kept there.
        variables: its environment; None: as here.
        script: a program of Python that takes the words instead.
    """

    count = 0

    def __init__(
        self,
        arguments: Sequence[object],
        folder: Path,
        variables: dict[str, str] | None = None,
        script: Path | None = None,
    ) -> None:
        AsapProcess.count += 1
        self._said = folder / f".said_{AsapProcess.count}"
        words = [str(word) for word in arguments]
        environment = dict(os.environ if variables is None else variables)
        given = (words, str(folder), environment, str(self._said), None if script is None else str(script))
        self._process = SERVER.Process(target=_run, args=given)
        self._process.daemon = True
        self._process.start()

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def out(self) -> str:
        """What it has printed."""
        return Path(f"{self._said}.1").read_text()

    @property
    def err(self) -> str:
        """What it has printed to the error stream."""
        return Path(f"{self._said}.2").read_text()

    def poll(self) -> int | None:
        """Its exit code once it has ended; -9 after a kill."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """As `subprocess.Popen`."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()

    def ended(self, seconds: float = 200) -> int:
        """Waits for the end; the exit code."""
        self._process.join(timeout=seconds)
        code = self._process.exitcode
        assert code is not None, f"it has not ended within {seconds} s: {self.err}"
        return code

    def waits_for(self, path: Path, newer_than: int = 0) -> None:
        """Until it has written the file, after the time ``newer_than`` (ns)."""

        def written() -> bool:
            assert self.poll() is None, f"it ended with {self.poll()} before it wrote {path.name}: {self.err}"
            return path.exists() and path.stat().st_mtime_ns > newer_than

        wait_for(written, f"the process writes {path.name}")

    def close(self) -> None:
        """It is killed, if it still runs, and gone."""
        self.kill()
        self._process.join()

    def __enter__(self) -> AsapProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
