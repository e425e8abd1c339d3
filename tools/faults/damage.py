"""Films with bits flipped, pieces cut out, packets swapped and absurd headers: what is still seen.

Frames carry their number, so it is known which are untouched: those of groups of pictures into
which no damage fell. They have to come out, before and after the damage.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from tools.faults.report import Row

FRAMES, GOP = 120, 12
KINDS = ("flips", "cut", "hole", "swap", "header")
TIMEOUT = 20.0

WORKER = """
import json, sys
sys.path.insert(0, "tests")
from films import read_number, HEIGHT, WIDTH
from caststream.errors import InputError
from caststream.media.decoding import Decoder
from caststream.media.showing import Shown
from caststream.media.pipes import StopSign
from caststream.media.sources import Source

for line in sys.stdin:
    path = line.strip()
    stop = StopSign()
    answer = {"numbers": [], "error": None}
    try:
        source = Source(path, timeout=5.0, spool_limit=1 << 20, stop=stop)
        try:
            for item in Decoder(source, stop).run():
                if isinstance(item, Shown):
                    answer["numbers"].append(read_number(item.picture.resized(WIDTH, HEIGHT)))
        finally:
            source.close()
    except InputError as error:
        answer["error"] = str(error)
    stop.close()
    print(json.dumps(answer), flush=True)
"""


def damage(
    data: bytes, kind: str, places: list[tuple[int, int]], random: np.random.Generator
) -> tuple[bytes, tuple[int, int]]:
    """A damaged copy, and between which bytes the damage lies."""
    made = bytearray(data)
    size = len(data)
    at = int(random.integers(size))
    until = min(size, at + max(64, size // 50))
    if kind == "flips":
        for place in random.integers(at, until, 30):
            made[int(place)] ^= 1 << int(random.integers(8))
    elif kind == "hole":
        made[at:until] = bytes(until - at)
    elif kind == "cut":
        del made[at:until]
    elif kind == "swap" and len(places) > 2:
        one, other = sorted(random.choice(len(places) - 1, 2, replace=False).tolist())
        (a, m), (b, n) = places[one], places[other]
        m = min(m, n, b - a)
        made[a : a + m], made[b : b + m] = data[b : b + m], data[a : a + m]
        at, until = a, b + m
    elif kind == "header":
        at, until = 0, 200
        for place in random.integers(0, 200, 12):
            made[int(place)] = int(random.integers(256))
    return bytes(made), (at, until)


def run(count: int, seed: int = 1) -> list[Row]:
    """Decode so many damaged films."""
    sys.path.insert(0, "tests")
    from films import packet_places, write_film

    random = np.random.default_rng(seed)
    crashes = hangs = refused = 0
    worst: Counter[str] = Counter()
    seen = due = 0
    with tempfile.TemporaryDirectory() as folder:
        films = {
            name: write_film(Path(folder) / f"whole.{name}", FRAMES, gop=GOP)
            for name in ("mp4", "ts", "mkv")
        }
        worker = _start()
        for turn in range(count):
            name = ("mp4", "ts", "mkv")[turn % 3]
            kind = KINDS[turn // 3 % len(KINDS)]
            whole = films[name]
            places = packet_places(whole)
            data, span = damage(whole.read_bytes(), kind, places, random)
            path = Path(folder) / f"{turn}.{name}"
            path.write_bytes(data)
            answer = _ask(worker, path)
            path.unlink()
            if answer is None:
                hangs += worker.poll() is None
                crashes += worker.poll() is not None
                worst[f"{name} {kind}"] += 1
                worker.kill()
                worker = _start()
            elif answer["error"] is not None:
                refused += 1
            else:
                wanted = untouched(places, span)
                found = set(answer["numbers"])
                due += len(wanted)
                seen += len(wanted & found)
        worker.kill()
    share = f"{seen} of {due} untouched frames seen ({100 * seen / max(1, due):.1f} %)"
    return [
        Row(
            f"{count} damaged inputs in mp4, ts, mkv: {', '.join(KINDS)}",
            f"0 crashes, 0 hangs beyond {TIMEOUT:.0f} s",
            f"{crashes} crashes, {hangs} hangs; {refused} refused with a sentence"
            + (f"; {dict(worst)}" if worst else ""),
            not (crashes or hangs),
        ),
        Row(
            "... frames before and after the damage",
            "labelled", share, seen >= 0.95 * due,
        ),
    ]  # fmt: skip


def untouched(places: list[tuple[int, int]], span: tuple[int, int]) -> set[int]:
    """Frames of the groups of pictures that the damage did not reach."""
    hit = [
        i for i, (place, size) in enumerate(places) if place < span[1] and place + size > span[0]
    ]
    # Packets come in the order of decoding, groups one after the other; one more is given up at
    # the end, since a decoder may notice damage late.
    first = min(hit, default=len(places)) // GOP if hit else None
    if first is None:
        return set(range(FRAMES))
    last = max(hit) // GOP
    return {n for n in range(FRAMES) if not first <= n // GOP <= last + 1}


def _start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def _ask(worker: subprocess.Popen[str], path: Path) -> dict[str, object] | None:
    """What came of a film; None after a crash or a hang."""
    import select

    assert worker.stdin is not None and worker.stdout is not None
    worker.stdin.write(f"{path}\n")
    worker.stdin.flush()
    ready, _, _ = select.select([worker.stdout], [], [], TIMEOUT)
    line = worker.stdout.readline() if ready else ""
    if not line:
        time.sleep(0.2)
        return None
    answer: dict[str, object] = json.loads(line)
    return answer
