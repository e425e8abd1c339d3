"""One network for several streams: what they ask for at the same time becomes one batch."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
Pictures: TypeAlias = "NDArray[np.uint8] | Tensor"
"""(B, H, W, 3) RGB, in main memory or on a device."""


class _Request(Generic[T]):
    __slots__ = ("answer", "done", "error", "pictures")

    def __init__(self, pictures: Pictures) -> None:
        self.pictures = pictures
        self.answer: list[T] | Any = None
        self.error: BaseException | None = None
        self.done = False


class Together(Generic[T]):
    """Calls ``work`` from one thread at a time, with all that wait meanwhile in one batch.

    ``work`` takes pictures (B, H, W, 3) and gives something that can be indexed by B; a batch has
    at most ``most`` pictures, all of one size and in one place. Nobody waits for company: who finds
    the network idle goes at once, and what comes in the meantime makes up the next batch. Safe for
    any number of threads, and as quick as a plain call for one. What ``work`` raises is raised to
    all whose pictures were in that batch.
    """

    def __init__(self, work: Callable[[Any], Any], most: int = 32) -> None:
        self._work = work
        self._most = most
        self._turn = threading.Lock()
        self._waiting: deque[_Request[T]] = deque()

    def __call__(self, pictures: Pictures) -> Any:
        """Give what ``work`` gives for (B, H, W, 3) pictures."""
        request: _Request[T] = _Request(pictures)
        self._waiting.append(request)
        with self._turn:
            # Whoever had the turn before may have answered this one with its own.
            while not request.done:
                self._serve()
        if request.error is not None:
            raise request.error
        return request.answer

    def _serve(self) -> None:
        """Answer the oldest request, and those behind it that fit into its batch."""
        batch = [self._waiting.popleft()]
        count = len(batch[0].pictures)
        for _ in range(len(self._waiting)):
            other = self._waiting[0]
            same = _kind(other.pictures) == _kind(batch[0].pictures)
            if not same or count + len(other.pictures) > self._most:
                break
            batch.append(self._waiting.popleft())
            count += len(other.pictures)
        try:
            if len(batch) == 1:
                batch[0].answer = self._work(batch[0].pictures)
            else:
                answers = self._work(_joined([one.pictures for one in batch]))
                first = 0
                for one in batch:
                    one.answer = answers[first : first + len(one.pictures)]
                    first += len(one.pictures)
        except BaseException as error:
            for one in batch:
                one.error = error
        for one in batch:
            one.done = True


def _kind(pictures: Pictures) -> tuple[object, ...]:
    """What pictures of one batch have in common."""
    # A picture that a full GPU handed to the processor cannot be joined to those that lie there.
    place = None if isinstance(pictures, np.ndarray) else pictures.device
    return type(pictures), place, tuple(pictures.shape[1:])


def _joined(parts: Sequence[Any]) -> Pictures:
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    import torch

    return torch.cat(list(parts))
