"""One network for several threads: everybody gets their own answers, in few calls."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch

from caststream.vision.together import Together


def pictures(*values: int, side: int = 2) -> np.ndarray:
    return np.array([np.full((side, side, 3), value) for value in values], np.uint8)


def let_go(
    together: Together, waiting: int, go_on: threading.Event, threads: list[threading.Thread]
) -> None:
    """Let the call that runs end once so many others wait, and wait for all answers."""
    deadline = time.monotonic() + 30
    while len(together._waiting) < waiting:
        assert time.monotonic() < deadline
        threading.Event().wait(0.001)
    go_on.set()
    for thread in threads:
        thread.join()


def test_what_waits_becomes_one_batch():
    calls: list[int] = []
    busy, go_on = threading.Event(), threading.Event()

    def work(batch: np.ndarray) -> list[int]:
        calls.append(len(batch))
        busy.set()
        assert go_on.wait(10)
        return [int(picture[0, 0, 0]) for picture in batch]

    together = Together[int](work, most=6)
    answers: dict[int, list[int]] = {}

    def ask(value: int) -> None:
        answers[value] = together(pictures(value, value + 100))

    threads = [threading.Thread(target=ask, args=(0,))]
    threads[0].start()
    assert busy.wait(10)
    threads += [threading.Thread(target=ask, args=(value,)) for value in range(1, 6)]
    for thread in threads[1:]:
        thread.start()
    let_go(together, 5, go_on, threads)
    assert answers == {value: [value, value + 100] for value in range(6)}
    assert calls == [2, 6, 4]


def test_sizes_are_not_mixed_and_arrays_are_cut():
    together = Together[np.ndarray](lambda batch: batch.reshape(len(batch), -1).sum(1))
    results: dict[int, np.ndarray] = {}

    def ask(side: int) -> None:
        results[side] = together(pictures(1, 2, side=side))

    threads = [threading.Thread(target=ask, args=(side,)) for side in (2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for side, found in results.items():
        assert found.tolist() == [3 * side * side, 6 * side * side]


def test_what_lies_apart_is_not_joined():
    """A GPU whose memory is full hands some of its pictures to the processor."""
    busy, go_on = threading.Event(), threading.Event()

    def work(batch: torch.Tensor) -> list[str]:
        busy.set()
        assert go_on.wait(10)
        return [batch.device.type] * len(batch)

    together = Together[str](work)
    answers: list[tuple[str, list[str]]] = []

    def ask(device: str) -> None:
        answers.append((device, together(torch.zeros(1, 2, 2, 3, device=device))))

    threads = [threading.Thread(target=ask, args=(where,)) for where in ("cpu", "meta", "cpu")]
    threads[0].start()
    assert busy.wait(10)
    for thread in threads[1:]:
        thread.start()
    let_go(together, 2, go_on, threads)
    assert sorted(answers) == [("cpu", ["cpu"])] * 2 + [("meta", ["meta"])]


def test_a_failure_reaches_who_asked_and_the_next_goes_on():
    def work(batch: np.ndarray) -> list[int]:
        if batch.max() > 9:
            raise ValueError("too bright")
        return [1] * len(batch)

    together = Together[int](work)
    with pytest.raises(ValueError, match="too bright"):
        together(pictures(10))
    assert together(pictures(1)) == [1]
