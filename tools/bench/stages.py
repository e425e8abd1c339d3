"""Where the time goes: processor time of each node, in the program itself.

    python -m tools.bench.stages film.mp4 [--device cpu] [--set NODE.KEY=VALUE ...]

Each node's own time is taken on its thread, without what runs below it. Inference runs on the
caller's thread where it has one thread (two cores); with more it counts under "other threads", as
the decoder's threads do. Fine-tuning is a process of its own.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from caststream.graph.runner import Run
from caststream.graph.spec import load_graph
from caststream.messages import Context
from caststream.nodes import catalogue

CALLS = ("process", "mark", "end_shot", "end_stream")


def profile(
    film: Path, settings: list[str], device: str = "auto"
) -> tuple[dict[str, float], float]:
    """Seconds of processor time by node, and the film's length in seconds."""
    length = 0.0
    with tempfile.TemporaryDirectory() as folder:
        context = Context(
            uri=str(film),
            store=str(Path(folder) / "s.zarr"),
            labels=str(Path(folder) / "l.ndjson"),
            device=device,
            quiet=True,
        )
        run = Run(load_graph("archive", catalogue(), settings), context)
        spent = watched(run)
        started = time.process_time()
        run.run()
        whole = time.process_time() - started
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        import av

        with av.open(str(film)) as source:
            length = float(source.duration or 0) / av.time_base
    spent["fine-tuning (own process)"] = children.ru_utime + children.ru_stime
    known = sum(seconds for name, seconds in spent.items() if "own process" not in name)
    spent["decoding and other threads"] = whole - known
    return spent, length


def watched(run: Run) -> dict[str, float]:
    """Seconds of processor time by node, and of "opening" all of them; filled as it runs."""
    spent: dict[str, float] = {}
    for name, node in run.nodes.items():
        spent[name] = 0.0
        for call in CALLS:
            setattr(node, call, _timed(getattr(node, call), name, spent))
        node.open = _plain(node.open, "opening", spent)  # type: ignore[method-assign]
    return spent


def _timed(call: Callable[..., Iterator[Any]], name: str, spent: dict[str, float]) -> Any:
    def timed(*args: Any) -> Iterator[Any]:
        began = time.thread_time()
        outputs = iter(call(*args))
        while True:
            try:
                out = next(outputs)
            except StopIteration:
                return
            finally:
                spent[name] += time.thread_time() - began
            yield out
            began = time.thread_time()

    return timed


def _plain(call: Callable[..., None], name: str, spent: dict[str, float]) -> Any:
    def timed(*args: Any) -> None:
        began = time.thread_time()
        call(*args)
        spent[name] = spent.get(name, 0.0) + time.thread_time() - began

    return timed


def table(spent: dict[str, float], length: float) -> str:
    """As Markdown, the dearest first; starting up apart, since it does not grow with the film."""
    rows = ["| | ms a second of film | share |", "| --- | --- | --- |"]
    flow = {name: seconds for name, seconds in spent.items() if name != "opening"}
    whole = sum(flow.values())
    for name, seconds in sorted(flow.items(), key=lambda x: -x[1]):
        rows.append(f"| {name} | {1000 * seconds / length:.1f} | {seconds / whole:.0%} |")
    rows.append(f"| **all** | {1000 * whole / length:.1f} | |")
    rows += ["", f"Opening the nodes took {spent.get('opening', 0.0):.1f} s of processor time."]
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("film", type=Path)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--set", action="append", default=[])
    args = parser.parse_args()
    sys.stdout.write(table(*profile(args.film, args.set, args.device)) + "\n")


if __name__ == "__main__":
    main()
