"""Sharing things between streams: made once, closed once, by nobody too early."""

from __future__ import annotations

import threading

import pytest

from caststream.pool import Pool


class Thing:
    def __init__(self, log: list[str], name: str = "thing") -> None:
        self.log, self.name = log, name
        log.append(f"made {name}")

    def close(self) -> None:
        self.log.append(f"closed {self.name}")


def test_the_last_user_closes_it():
    log: list[str] = []
    pool = Pool()
    one, other = (pool.lease("k", lambda: Thing(log)) for _ in range(2))
    assert one is other
    pool.release("k")
    assert log == ["made thing"]
    pool.release("k")
    assert log == ["made thing", "closed thing"]
    assert pool.lease("k", lambda: Thing(log, "new")).name == "new"


def test_a_kept_pool_closes_the_newest_first_and_only_at_its_end():
    log: list[str] = []
    pool = Pool(keep=True)
    for name in ("a", "b"):
        pool.lease(name, lambda name=name: Thing(log, name))
        pool.release(name)
    assert pool.lease("a", lambda: Thing(log, "second")).name == "a"
    pool.close()
    assert log == ["made a", "made b", "closed b", "closed a"]


def test_what_cannot_be_made_is_tried_anew():
    pool = Pool(keep=True)

    def fail() -> None:
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            pool.lease("k", fail)
    assert pool.lease("k", lambda: 5) == 5


def test_many_threads_get_the_same_thing():
    log: list[str] = []
    pool = Pool()
    start = threading.Barrier(8)
    found = []

    def work() -> None:
        start.wait()
        found.append(pool.lease("k", lambda: Thing(log)))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(map(id, found))) == 1
    for _ in range(8):
        pool.release("k")
    assert log == ["made thing", "closed thing"]
