"""The running statistics of one process: what it reads, how far it is, how late, what went wrong.

One ``Vitals`` a process holds one ``SourceVitals`` for each of its sources. Nodes write into the
one of their source, which is ``context.vitals``; each attribute is written by one thread only, so
nothing is locked. ``Vitals.snapshot`` gives all of it as plain JSON, for the metrics and whatever
else runs in the same process. Another process asks for the same through the store's socket::

    from caststream.store.control import ask
    snapshot = ask("show.zarr", {"do": "vitals"})   # StoreError where no stream is running

Times are seconds; ``behind`` and the latencies are measured on the monotonic clock.
"""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

State = Literal["opening", "running", "reconnecting", "ended", "failed"]

BUCKETS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.0, 5.0)
"""Upper ends of the latency histogram in seconds."""
_RECENT = 1000
_FINISHED = 20
"""Sources that are over and still listed; of others only the totals stay."""
_STARTED = time.monotonic()


class Latencies:
    """Seconds from a picture's arrival to its label: the recent ones, and a histogram of all."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        """How many fell into each bucket; the last is for what took longer than all of them."""
        self.sum = 0.0
        self._recent: deque[float] = deque(maxlen=_RECENT)

    def add(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.sum += seconds
        self._recent.append(seconds)

    def quantile(self, share: float) -> float | None:
        """That of the recent ones which ``share`` (0..1) do not exceed, None before the first."""
        ordered = sorted(self._recent.copy())
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else None


@dataclass(slots=True)
class SourceVitals:
    """What is known of one source while it runs."""

    uri: str = ""
    id: int | None = None
    """Its number in the store, None until it has one."""
    state: State = "opening"
    why: str = ""
    """The sentence that was said last: why it failed, or what is being connected."""
    blocked: str = ""
    """Why nothing can be saved for now: then it is waiting, while pictures go on coming."""
    began: float = field(default_factory=time.monotonic)
    width: int = 0
    height: int = 0
    length: float | None = None
    """Seconds that it will have, where it knows."""
    frames: int = 0
    seconds: float = 0.0
    """Presentation time of the newest frame."""
    last_frame: float | None = None
    """When that came, on the monotonic clock."""
    analysed: int = 0
    boxes: int = 0
    shots: int = 0
    tracks: int = 0
    commits: int = 0
    gaps: dict[str, int] = field(default_factory=dict)
    """Reason -> how often."""
    missing: dict[str, int] = field(default_factory=dict)
    """Reason -> frames that are known to be missing."""
    queues: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Name of a queued node -> (fill, size); the runner keeps it up to date."""
    latency: Latencies = field(default_factory=Latencies)
    newest: Any = None
    """The newest labelled picture (``Labelled``), for whoever wants to look on."""

    def gap(self, reason: str, frames: int) -> None:
        """Count a gap."""
        self.gaps[reason] = self.gaps.get(reason, 0) + 1
        self.missing[reason] = self.missing.get(reason, 0) + frames

    @property
    def over(self) -> bool:
        """Whether it runs no more."""
        return self.state in ("ended", "failed")

    def snapshot(self) -> dict[str, Any]:
        """All of it as JSON."""
        now = time.monotonic()
        waits = self.blocked and not self.over
        state, why = ("waiting", self.blocked) if waits else (self.state, self.why)
        return {
            "uri": self.uri,
            "source": self.id,
            "state": state,
            "why": why,
            "elapsed": round(now - self.began, 3),
            "width": self.width,
            "height": self.height,
            "length": self.length,
            "frames": self.frames,
            "seconds": round(self.seconds, 3),
            "silent": None if self.last_frame is None else round(now - self.last_frame, 3),
            "analysed": self.analysed,
            "boxes": self.boxes,
            "shots": self.shots,
            "tracks": self.tracks,
            "commits": self.commits,
            "gaps": dict(self.gaps),
            "missing": dict(self.missing),
            "queues": {name: list(fill) for name, fill in self.queues.copy().items()},
            "latency": {
                "p50": _rounded(self.latency.quantile(0.5)),
                "p99": _rounded(self.latency.quantile(0.99)),
                "counts": list(self.latency.counts),
                "sum": round(self.latency.sum, 3),
            },
        }


class Vitals:
    """All sources of a process, and what they share."""

    def __init__(self) -> None:
        self.store: str | None = None
        self.many = False
        """Whether several sources write to one label stream, whose records then name theirs."""
        self.characters = 0
        self.named = 0
        self.revision = 0
        self.model = 0
        """Number of the fine-tuned model in force, 0 as shipped."""
        self.facts: dict[str, int | float | str] = {}
        """What a command adds of its own, such as the number of files that wait."""
        self.ended = 0
        self.failed = 0
        self.tolerant = False
        """Whether a source that failed is set aside, and the process as ready as before."""
        self._lock = threading.Lock()
        self._sources: list[SourceVitals] = []

    def source(self, uri: str) -> SourceVitals:
        """Begin to keep statistics of one more source."""
        with self._lock:
            over = [one for one in self._sources if one.over]
            for old in over[: max(0, len(over) - _FINISHED)]:
                self._sources.remove(old)
            self._sources.append(SourceVitals(uri))
            return self._sources[-1]

    def finish(self, source: SourceVitals, why: str = "") -> None:
        """Say that a source is over: with a sentence where it failed."""
        source.state, source.why = ("failed", why) if why else ("ended", "")
        with self._lock:
            self.failed += bool(why)
            self.ended += not why

    def forget(self, source: SourceVitals) -> None:
        """List a source no more that is over."""
        with self._lock:
            if source in self._sources:
                self._sources.remove(source)

    @property
    def sources(self) -> list[SourceVitals]:
        """All that run, and the last that are over, in the order of their beginning."""
        with self._lock:
            return list(self._sources)

    def snapshot(self) -> dict[str, Any]:
        """All of it as JSON."""
        resident, threads, files = _process()
        return {
            "pid": os.getpid(),
            "store": self.store,
            "uptime": round(time.monotonic() - _STARTED, 3),
            "cpu": round(time.process_time(), 3),
            "resident": resident,
            "threads": threads,
            "files": files,
            "characters": self.characters,
            "named": self.named,
            "revision": self.revision,
            "model": self.model,
            "ended": self.ended,
            "failed": self.failed,
            "tolerant": self.tolerant,
            "facts": dict(self.facts),
            "sources": [source.snapshot() for source in self.sources],
        }


def _process() -> tuple[int, int, int]:
    """Resident bytes, threads and open files of this process; zeros where /proc is not there."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        resident = pages * os.sysconf("SC_PAGE_SIZE")
        files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (counting, quicker than objects)
    except OSError:
        return 0, threading.active_count(), 0
    return resident, threading.active_count(), files


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
