"""Fine-tuning beside the stream: a process of its own, at low priority.

The process reads the store, writes a draft beside it and says nothing else; whoever started it
takes the draft up. ``python -m caststream.learning.tuner STORE DRAFT`` is that process.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

import numpy as np

from caststream.errors import ModelError, OutputError, StoreLockedError
from caststream.learning.finetune import STEPS, Opened, Recipe, Tuning, tune
from caststream.store.lock import Lock
from caststream.vision.embedder import read_head, shipped_digest

_log = logging.getLogger(__name__)
_PREFIX = "caststream-tune-"
_AGAIN = ("uid", "near", "vector")


class Tuner:
    """One fine-tuning in another process."""

    def __init__(
        self, store: str | Path, rows: int, seed: int, recipe: Recipe, full: bool = False,
        device: str = "auto",
    ) -> None:  # fmt: skip
        """Start; lessons are drawn from the first ``rows`` rows of the store only.

        ``full`` opens the trunk's last stage, on ``device``. Raises OSError where no process can be
        started, OutputError where there is no room for its draft.
        """
        _take_away_orphans()
        self._folder = tempfile.TemporaryDirectory(prefix=_PREFIX)
        self._lock = Lock(Path(self._folder.name))
        self._draft = Path(self._folder.name) / "draft.safetensors"
        words = [str(store), str(self._draft), "--rows", str(rows), "--seed", str(seed)]
        words += ["--recipe", recipe, *(["--full", "--device", device] if full else [])]
        self._said = Path(self._folder.name) / "stderr"
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "caststream.learning.tuner", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                # Ctrl-C is for the stream, which ends this one when it is done. No session of its
                # own: Linux shares processors out by session first, and only then by niceness.
                process_group=0,
            )

    def result(self, wait: bool) -> Tuning | None:
        """What came of it; None while it runs, and where it failed (which is logged)."""
        if not wait and self._process.poll() is None:
            return None
        if self._process.wait():
            said = self._said.read_text(errors="replace").strip().splitlines()
            last = said[-1] if said else "no word"
            _log.warning("fine-tuning failed and is left out: %s", last)
            return None
        return read_draft(self._draft)

    @property
    def running(self) -> bool:
        """Whether it is still at work."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End it at once; whoever waits for its result has none."""
        self._process.kill()

    def close(self) -> None:
        """Stop it and take its draft away."""
        self.stop()
        self._process.wait()
        self._folder.cleanup()
        self._lock.release()


def _take_away_orphans() -> None:
    """Remove what killed processes left behind: the lock on such a folder died with its owner."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            if (folder / "LOCK").exists():
                Lock(folder).release()
                shutil.rmtree(folder, ignore_errors=True)
        except (OSError, OutputError, StoreLockedError):
            continue  # another one's


def write_draft(tuning: Tuning, path: Path) -> None:
    """Write a tuning: its weights and vectors as arrays, the rest as text beside them."""
    from safetensors.numpy import save_file

    facts = {f.name: getattr(tuning, f.name) for f in fields(tuning)}
    del facts["head"], facts["opened"]
    arrays = {f"head.{name}": array for name, array in tuning.head.items()}
    if tuning.opened is not None:
        arrays |= {f"trunk.{name}": array for name, array in tuning.opened.trunk.items()}
        arrays |= {f"again.{name}": getattr(tuning.opened, name) for name in _AGAIN}
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    save_file(whole, path, {"tuning": json.dumps(facts)})


def read_draft(path: Path) -> Tuning:
    """The inverse of ``write_draft``."""
    from safetensors import safe_open

    parts: dict[str, dict[str, np.ndarray]] = {"head": {}, "trunk": {}, "again": {}}
    with safe_open(path, "numpy") as file:
        facts = json.loads(file.metadata()["tuning"])
        for name in file.keys():  # noqa: SIM118
            part, _, rest = name.partition(".")
            parts[part][rest] = file.get_tensor(name)
    opened = Opened(parts["trunk"], **parts["again"]) if parts["trunk"] else None
    return Tuning(head=parts["head"], opened=opened, **facts)


def tune_store(
    store: str | Path, rows: int | None, seed: int, steps: int | None, recipe: Recipe,
    full: bool = False, device: str = "auto",
) -> Tuning:  # fmt: skip
    """Tune the model in force in a store on the lessons that it holds: its head, or in full.

    ``steps`` None takes those that the kind of tuning usually takes. Raises ModelError where its
    features came from an embedder that cannot be tuned.
    """
    from caststream.learning.cast import Cast
    from caststream.learning.lessons import gather
    from caststream.store import published
    from caststream.store.reader import StoreReader

    cast = Cast(store)
    with StoreReader(store) as reader:
        lessons = gather(reader, cast, np.random.default_rng(seed), rows, pictured=full)
        made_by = {source.models.get("embedder") for source in reader.sources()} - {None}
    if made_by - {shipped_digest()}:
        raise ModelError(
            f"the store's features come from the embedder {', '.join(sorted(map(str, made_by)))}, "
            f"not from the shipped one, {shipped_digest()}: those of other embedders are not tuned"
        )
    head = cast.published.head or read_head()
    if lessons.tracks and lessons.features.shape[1] != len(head["weight"]):
        raise ModelError(
            f"the store's features have {lessons.features.shape[1]} columns, the shipped head takes"
            f" {len(head['weight'])}: vectors of other embedders are not tuned"
        )
    file = published.trunk_file(store, cast.vectors)
    if full:
        from caststream.learning import opening
        from caststream.vision.opened import read_trunk

        trunk = None if file is None else read_trunk(file)
        steps = opening.STEPS if steps is None else steps
        return opening.tune_full(lessons, head, trunk, seed, steps, device)
    if file is not None:
        why = "the model in force has an opened stage: tune in full, or roll back"
        return Tuning(head, False, why, 0, 0.0, 0.0, 0.0, 0.0, 0.0)
    return tune(lessons, head, seed, STEPS if steps is None else steps, recipe)


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("store")
    parser.add_argument("draft", type=Path)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--recipe", choices=("caststream", "cast"), default="caststream")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    os.nice(10)
    done = tune_store(
        args.store, args.rows, args.seed, args.steps, args.recipe, args.full, args.device
    )
    write_draft(done, args.draft)


if __name__ == "__main__":
    main()
