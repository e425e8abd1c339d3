"""``caststream tune``, ``regroup`` and ``models``: for a store that no stream writes."""

from __future__ import annotations

import argparse
from pathlib import Path

from caststream.commands import Command


def _tune_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store")
    parser.add_argument("--steps", type=int, help="default: 400, or 160 with --full")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--recipe", choices=("caststream", "cast"), default="caststream", help="cast: the paper's"
    )
    parser.add_argument(
        "--full", action="store_true", help="open the trunk's last stage too; meant for a GPU"
    )
    parser.add_argument("--device", default="auto", help="of --full: auto, cpu, cuda, cuda:N")


def _tune(args: argparse.Namespace) -> int:
    """Fine-tune now, and publish what ranks held-back pairs better."""
    from caststream.errors import UsageError
    from caststream.learning.learner import Learner
    from caststream.learning.tuner import tune_store
    from caststream.store.lock import Lock
    from caststream.store.schema import read_root

    if args.steps is not None and args.steps < 1:
        raise UsageError(f"--steps has to be 1 at least, not {args.steps}")
    read_root(Path(args.store))
    lock = Lock(Path(args.store))
    try:
        learner = Learner(args.store)
        learner.take_in()
        steps = 400 if args.steps is None and not args.full else args.steps
        done = tune_store(args.store, None, args.seed, steps, args.recipe, args.full, args.device)
        print(done.why)
        if done.live:
            learner.take_up(done)
            learner.regroup()
            print(f"model {learner.vectors} is live")
        else:
            print("the tuned model was thrown away")
        learner.close()
    finally:
        lock.release()
    return 0


def _regroup_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store")
    parser.add_argument(
        "--method",
        choices=("caststream", "cast"),
        default="caststream",
        help="cast: the paper's DBSCAN search and OPTICS",
    )
    parser.add_argument(
        "--keep",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="with cast: share of the clustered boxes to keep, largest clusters first (default: 1)",
    )


def _regroup(args: argparse.Namespace) -> int:
    from caststream.errors import UsageError
    from caststream.learning.learner import Learner
    from caststream.store import published
    from caststream.store.lock import Lock
    from caststream.store.schema import read_root

    if not 0 < args.keep <= 1:
        raise UsageError(f"--keep {args.keep} is no share: give more than 0, up to 1")
    read_root(Path(args.store))
    lock = Lock(Path(args.store))
    try:
        learner = Learner(args.store, args.method, args.keep)
        learner.take_in()
        revision = learner.regroup()
        learner.close()
    finally:
        lock.release()
    found = published.current(args.store) or published.Published()
    ids = {int(c) for c in found.label_character if c >= 0}
    lost = int((found.label_character < 0).sum())
    print(
        f"revision {revision}: {len(ids)} characters in {len(found.label_uid)} tracks,"
        f" {lost} without one"
    )
    return 0


def _models_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store")
    parser.add_argument("--rollback", type=int, metavar="N", help="put version N in force again")


def _models(args: argparse.Namespace) -> int:
    from caststream.store import published
    from caststream.store.lock import Lock
    from caststream.store.schema import read_root

    read_root(Path(args.store))
    if args.rollback is not None:
        lock = Lock(Path(args.store))
        try:
            published.rollback(args.store, args.rollback)
        finally:
            lock.release()
    number = published.current_number(args.store)
    print("version  head  characters  tracks")
    for version in published.versions(args.store):
        model = published.load(args.store, version)
        mark = "  <- in force" if version == number else ""
        print(
            f"{version:7d}  {model.meta.get('vectors', 0):4d}  {len(model.characters):10d}"
            f"  {len(model.label_uid):6d}{mark}"
        )
    return 0


TUNE = Command("Fine-tune the embedder on a store's tracks, and regroup.", _tune_arguments, _tune)
REGROUP = Command(
    "Group a store's tracks anew, also as the paper does.", _regroup_arguments, _regroup
)
MODELS = Command(
    "List the published models of a store, or return to one.", _models_arguments, _models
)
