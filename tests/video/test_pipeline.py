"""Reading, translating and writing at once: in order, within bounds, and ended by whichever fails."""

from __future__ import annotations

import threading

import pytest

from asap_lightning.video.pipeline import overlapped


def test_everything_arrives_in_order():
    written: list[int] = []
    overlapped(range(50), lambda x: x * 2, written.append, depth=3)
    assert written == [2 * x for x in range(50)]


def test_the_three_work_at_the_same_time():
    meeting = threading.Barrier(3, timeout=60)  # broken unless all three are there at once

    def source():
        for number in range(9):
            if number == 8:
                meeting.wait()
            yield number

    def translate(number):
        if number == 4:
            meeting.wait()
        return number

    def write(number):
        if number == 2:
            meeting.wait()

    overlapped(source(), translate, write, depth=4)
    assert not meeting.broken


def test_a_slow_writer_holds_the_reader_back():
    read, most = [0], [0]
    allowed = threading.Event()

    def source():
        for number in range(100):
            read[0] += 1
            if read[0] >= 11:  # 4 in each channel, and one in each hand
                allowed.set()
            yield number

    written = []

    def write(number):
        assert allowed.wait(60)
        most[0] = max(most[0], read[0] - len(written))
        written.append(number)

    overlapped(source(), lambda x: x, write, depth=4)
    assert len(written) == 100 and most[0] <= 11


@pytest.mark.parametrize("who", ["reader", "translator", "writer"])
def test_whoever_fails_ends_all_and_is_heard(who):
    def fails(where, number):
        if where == who and number == 3:
            raise KeyError(who)
        return number

    before = threading.active_count()
    source = (fails("reader", number) for number in range(1000))
    with pytest.raises(KeyError, match=who):
        overlapped(source, lambda x: fails("translator", x), lambda x: fails("writer", x), depth=2)
    assert threading.active_count() == before


@pytest.mark.parametrize("live", [True, False])
def test_ctrl_c_ends_a_live_source_well_and_any_other_at_once(live):
    stopped = threading.Event()

    def source():
        number = 0
        while not stopped.is_set():
            yield number
            number += 1

    def translate(number):
        if number == 5 and not stopped.is_set():
            raise KeyboardInterrupt
        return number

    def interrupted():
        stopped.set()
        return live

    written: list[int] = []
    run = lambda: overlapped(source(), translate, written.append, depth=2, interrupted=interrupted)  # noqa: E731
    if live:
        run()
        assert written[:5] == [0, 1, 2, 3, 4] and written == sorted(written)
    else:
        with pytest.raises(KeyboardInterrupt):
            run()
