"""What the trainers share: how far a training is, and data that other processes make ahead."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from typing import Protocol, TypeVar

import torch
from torch.utils.data import DataLoader

AHEAD = 3
"""Items that each process keeps ready."""
Item = TypeVar("Item", covariant=True)


class Made(Protocol[Item]):
    """Items by number, each from a seed and its number."""

    def __getitem__(self, number: int) -> Item: ...


def ahead(made: Made[Item], first: int, workers: int) -> Iterator[Item]:
    """``made[first]``, ``made[first + 1]`` and so on without end, arrays as tensors.

    ``workers`` processes take turns, number by number, and hand over what they make in shared
    memory; with none everything is made when it is asked for.
    """
    return iter(
        DataLoader(
            made,  # type: ignore[arg-type]
            batch_size=None,
            sampler=itertools.count(first),  # type: ignore[arg-type]
            num_workers=workers,
            prefetch_factor=AHEAD if workers else None,
            pin_memory=torch.cuda.is_available(),
        )
    )


class Course:
    """How far a training is: by its batches, or by the clock where it has ``seconds``.

    By the clock a run fills the time that there is, and is not the same twice: the same batches
    come in the same order, but learning rates depend on how quickly.
    """

    def __init__(self, batches: int, seconds: float | None, spent: float = 0.0) -> None:
        self._batches = batches
        self._seconds = seconds
        self._begun = time.monotonic() - spent

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._begun

    def share(self, number: int) -> float:
        """Share of the course that lies behind before batch ``number``; 1 at its end."""
        done = number / self._batches if self._seconds is None else self.spent / self._seconds
        return min(1.0, done)


def falling(share: float) -> float:
    """Half a cosine, from 1 at the beginning of a course down to 0."""
    return (1 + math.cos(math.pi * share)) / 2
