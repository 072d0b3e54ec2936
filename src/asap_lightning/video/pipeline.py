"""Reader, translator and writer at work at the same time, with few frames between them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
S = TypeVar("S")


class Abandoned(Exception):
    """Nobody takes what is put into a channel any more."""


class Channel(Generic[T]):
    """Hands things from one thread to another; whoever puts waits while ``depth`` of them lie there.

    Args:
        depth: how many may lie there.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._finished = self._abandoned = False
        self._error: BaseException | None = None

    def put(self, item: T) -> None:
        """Waits for room.

        Raises:
            Abandoned: the taker has gone.
        """
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < self._depth or self._abandoned)
            if self._abandoned:
                raise Abandoned
            self._items.append(item)
            self._changed.notify_all()

    def finish(self, error: BaseException | None = None) -> None:
        """Nothing more will be put; an error is raised at once where things are taken."""
        with self._changed:
            self._finished, self._error = True, error
            self._changed.notify_all()

    def abandon(self) -> None:
        """Nothing more will be taken."""
        with self._changed:
            self._abandoned = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        """Takes until the channel is finished."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._finished)
                if self._error is not None:
                    raise self._error
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item


@dataclass
class Busy:
    """Seconds that each of the three has worked, waiting left out."""

    reading: float = 0.0
    translating: float = 0.0
    writing: float = 0.0


def overlapped(
    source: Iterable[T],
    translate: Callable[[T], S],
    write: Callable[[S], None],
    *,
    depth: int,
    interrupted: Callable[[], bool] = lambda: False,
) -> Busy:
    """Reads in one thread, translates in the caller's, writes in a third; order is kept.

    Whatever one of them raises ends all three and is raised here, after both threads have ended.

    Args:
        source: is read by one thread alone.
        translate: is called here.
        write: is called by one thread alone.
        depth: most items that wait between two of them.
        interrupted: called for Ctrl-C; whether the rest is to be worked off, as the source was told to stop.
    """
    read, made, busy = Channel[T](depth), Channel[S](depth), Busy()
    failed: list[BaseException] = []
    reader = threading.Thread(target=_read, args=(source, read, busy), name="asap-video-reader", daemon=True)
    writer = threading.Thread(
        target=_write, args=(made, write, busy, failed), name="asap-video-writer", daemon=True
    )
    reader.start()
    writer.start()
    try:
        _translate(read, translate, made, busy, interrupted)
        made.finish()
        writer.join()
    except Abandoned:  # the writer has failed, and says why below
        pass
    finally:
        read.abandon()
        made.abandon()
        made.finish()
        reader.join()
        writer.join()
    if failed:
        raise failed[0]
    return busy


def _translate(
    read: Channel[T],
    translate: Callable[[T], S],
    made: Channel[S],
    busy: Busy,
    interrupted: Callable[[], bool],
) -> None:
    while True:
        try:
            for item in read:
                started = time.perf_counter()
                result = translate(item)
                busy.translating += time.perf_counter() - started
                made.put(result)
            return
        except KeyboardInterrupt:
            if not interrupted():
                raise


def _read(source: Iterable[T], read: Channel[T], busy: Busy) -> None:
    error: BaseException | None = None
    try:
        started = time.perf_counter()
        for item in source:
            busy.reading += time.perf_counter() - started
            read.put(item)
            started = time.perf_counter()
    except Abandoned:
        pass
    except BaseException as raised:
        error = raised
    read.finish(error)


def _write(made: Channel[S], write: Callable[[S], None], busy: Busy, failed: list[BaseException]) -> None:
    try:
        for item in made:
            started = time.perf_counter()
            write(item)
            busy.writing += time.perf_counter() - started
    except BaseException as raised:
        failed.append(raised)
        made.abandon()
