"""The thread between the decoder and the graph."""

from __future__ import annotations

import itertools
import os
import threading

import pytest

from caststream.media.feed import Feed
from caststream.media.pipes import PipeReader, StopSign


def test_items_come_in_order_and_end():
    feed = Feed(lambda: iter(range(100)), StopSign(), 4)
    assert list(feed.items()) == list(range(100))
    feed.close()


def test_the_thread_stays_a_bounded_number_ahead():
    made = []
    feed = Feed(lambda: (made.append(n) or n for n in range(1000)), StopSign(), 4)
    items = feed.items()
    for expected in range(50):
        assert next(items) == expected
        # One more than there is room for may have been made, and waits.
        assert len(made) <= expected + 1 + 4 + 1
    feed.close()
    assert len(made) < 70


def test_failures_arrive_in_their_place():
    def make():
        yield 1
        raise KeyError("broken")

    feed = Feed(make, StopSign(), 4)
    items = feed.items()
    assert next(items) == 1
    with pytest.raises(KeyError, match="broken"):
        next(items)
    feed.close()


def test_stop_ends_a_consumer_whose_source_is_silent():
    stop = StopSign()
    ours, theirs = os.pipe()
    reader = PipeReader(ours, stop)
    feed = Feed(lambda: iter(lambda: reader.read(10), b""), stop, 4)
    os.write(theirs, b"abc")
    items = feed.items()
    assert next(items) == b"abc"
    timer = threading.Timer(0.05, feed.stop)
    timer.start()
    assert list(items) == []
    timer.join()
    feed.close()
    for descriptor in (ours, theirs):
        os.close(descriptor)


def test_stop_before_the_first_item_and_twice():
    feed = Feed(lambda: itertools.count(), StopSign(), 2)
    feed.stop()
    feed.stop()
    assert list(feed.items()) == []
    feed.close()
    feed.close()


def test_a_stop_that_meets_the_close_writes_into_no_other_file(tmp_path, monkeypatch):
    """Another thread closes the sign, and opens files, just before the word is written."""
    stop, write, opened = StopSign(), os.write, []

    def late(number, data):
        stop.close()
        opened.extend(os.open(tmp_path / name, os.O_RDWR | os.O_CREAT) for name in "abc")
        return write(number, data)

    monkeypatch.setattr(os, "write", late)
    stop.set()
    monkeypatch.undo()
    stop.set()
    assert [os.fstat(file).st_size for file in opened] == [0, 0, 0]
    for file in opened:
        os.close(file)
