"""When a store is grouped anew and when it is tuned: one course for all sources of a process."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from caststream.errors import OutputError
from caststream.learning.finetune import Recipe
from caststream.learning.learner import Learner, Method
from caststream.learning.tuner import Tuner
from caststream.memory import give_back

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """The settings of the node ``learn``, which says what they mean."""

    every: float = 30.0
    method: Method = "caststream"
    tune: Literal["head", "full", "off"] = "head"
    recipe: Recipe = "caststream"
    pace: Literal["stream", "clock"] = "stream"
    first: float = 120.0
    rest: float = 120.0
    delay: float = 60.0
    budget: float = 0.25


class Course:
    """Learns from a store while it grows. Safe for the threads of several sources.

    Times are seconds of stream, those of all sources together.
    """

    def __init__(self, store: str | Path, pace: Pace, device: str = "auto") -> None:
        self._store = store
        self._device = device
        self._pace = pace
        self._lock = threading.Lock()
        self._learner: Learner | None = None
        self._tuner: Tuner | None = None
        self._seen: dict[int, float] = {}
        """Source -> how far it is."""
        self._running: set[int] = set()
        self._due = 0.0
        self._tune_due = pace.first
        self._take_up = 0.0
        self._tuned_from = 0
        self._began = 0.0
        self._new = 0
        self._tunings = 0

    def saved(self, source: int, end: float) -> None:
        """Take in what a source committed up to ``end``, and regroup or tune where it is time."""
        with self._lock:
            self._running.add(source)
            self._seen[source] = end
            now = sum(self._seen.values())
            if self._learner is None:
                self._learner = Learner(self._store, self._pace.method)
            self._new += self._learner.take_in()
            changed = self._tuned(self._learner, now)
            if changed or (self._new and now >= self._due):
                self._regroup(self._learner)
                self._due = now + min(self._pace.every, max(5.0, now))
                if self._pace.method == "cast":
                    self._due = now + max(self._pace.every, now / 2)
            self._start_tuning(self._learner, now)

    def ended(self, source: int) -> None:
        """A source is over: take up what is being tuned unless others run, and regroup."""
        with self._lock:
            self._running.discard(source)
            if self._learner is None:
                return
            now = sum(self._seen.values()) if self._running else float("inf")
            if self._tuned(self._learner, now) or self._new:
                self._regroup(self._learner)

    def left(self, source: int) -> None:
        """A source is over, however it ended: nobody waits for it."""
        self._running.discard(source)

    def _regroup(self, learner: Learner) -> None:
        learner.regroup()
        self._new = 0
        give_back()  # here since it comes around every half minute, and takes three milliseconds

    def _start_tuning(self, learner: Learner, now: float) -> None:
        pace = self._pace
        if pace.tune == "off" or self._tuner is not None or now < self._tune_due:
            return
        self._tunings += 1
        self._began = time.monotonic()
        self._tune_due = now + max(pace.rest, now / 2)
        full = pace.tune == "full"
        try:
            self._tuner = Tuner(
                self._store, learner.rows, self._tunings, pace.recipe, full, self._device
            )
        except (OSError, OutputError) as error:
            # In weeks memory or a disk may be full for a while, and a program replaced by a newer
            # one: the stream goes on with the model that it has.
            _log.warning("fine-tuning cannot be started and is left out: %s", error)
            return
        self._tuned_from = learner.vectors
        self._take_up = now + pace.delay

    def _tuned(self, learner: Learner, now: float) -> bool:
        """Take up a finished fine-tuning; true where it went live."""
        pace = self._pace
        if self._tuner is None:
            return False
        if pace.pace == "stream" and now < self._take_up:
            return False
        wait = pace.pace == "stream" or now == float("inf")
        if not wait and self._tuner.running:
            return False
        result = self._tuner.result(wait=wait)
        self._tuner.close()
        self._tuner = None
        if pace.pace == "clock" and now < float("inf"):
            spent = time.monotonic() - self._began
            self._tune_due = max(self._tune_due, now + spent * (1 / pace.budget - 1))
        if result is None:
            return False
        if not result.live:
            _log.info("a fine-tuning was thrown away: %s", result.why)
            return False
        if learner.vectors != self._tuned_from:
            _log.info("a fine-tuning was thrown away: the model that it began with is not in force")
            return False
        learner.take_up(result)
        _log.info("a fine-tuning went live: %s", result.why)
        return True

    def close(self) -> None:
        """Stop tuning and let go of the store."""
        tuner = self._tuner
        if tuner is not None:
            tuner.stop()  # who waits for it holds the lock
        with self._lock:
            if self._tuner is not None:
                self._tuner.close()
                self._tuner = None
            if self._learner is not None:
                self._learner.close()
                self._learner = None
