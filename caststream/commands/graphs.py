"""What all commands take that run a graph: which one, with which settings, watched by whom."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from caststream.errors import UsageError

if TYPE_CHECKING:
    from caststream.graph.spec import Graph
    from caststream.session import Session

DEFAULT_STORE = "caststream.zarr"


def graph_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that ``graph_of`` and ``observed`` read."""
    parser.add_argument("--labels", metavar="FILE", help="write labels here, not to stdout")
    parser.add_argument(
        "--graph", metavar="FILE|NAME", help="archive (the default), live, shots, or a file"
    )
    parser.add_argument(
        "--set",
        metavar="NODE.KEY=VALUE",
        action="append",
        default=[],
        help="one argument of one node, e.g. detect.rate=6 (repeatable)",
    )
    parser.add_argument(
        "--detector",
        metavar="MODEL",
        help="another detector: a path, torchvision:NAME, onnx:PATH or hf:MODEL",
    )
    parser.add_argument(
        "--embedder",
        metavar="MODEL",
        help="another embedder: a path, timm:NAME, torchvision:NAME, onnx:PATH or hf:MODEL",
    )
    add_device(parser)
    parser.add_argument("--quiet", action="store_true", help="nothing on standard error but errors")
    parser.add_argument(
        "--metrics",
        metavar="PORT",
        type=int,
        help="answer /metrics (Prometheus), /livez and /readyz on this loopback port",
    )
    parser.add_argument(
        "--log-json", action="store_true", help="log one JSON object a line to standard error"
    )


def add_device(parser: argparse.ArgumentParser) -> None:
    """The argument that says where networks run and films are decoded."""
    parser.add_argument(
        "--device",
        default="auto",
        help="auto (a GPU only for models of others), cpu or cuda[:n] (default: auto)",
    )


def graph_of(
    args: argparse.Namespace, *settings: str, more: Mapping[str, Any] | None = None
) -> Graph:
    """The checked graph that was asked for; ``settings`` stand behind those of ``--set``.

    ``more`` are tables to stand below those of the graph's file.
    """
    if not (args.device in ("auto", "cpu") or args.device.split(":")[0] == "cuda"):
        raise UsageError(f"--device {args.device}: give auto, cpu, cuda or cuda:N")
    from caststream.graph.spec import load_graph
    from caststream.nodes import catalogue

    models = [
        *([f"detect.model={args.detector}"] if args.detector else []),
        *([f"embed.model={args.embedder}"] if args.embedder else []),
    ]
    return load_graph(args.graph or "archive", catalogue(), [*settings, *models, *args.set], more)


@contextlib.contextmanager
def observed(args: argparse.Namespace, session: Session) -> Iterator[None]:
    """While inside, metrics are answered, as far as they were asked for."""
    if args.metrics is None:
        yield
        return
    from caststream.metrics import Metrics

    metrics = Metrics(args.metrics, session.vitals.snapshot)
    logging.getLogger(__name__).info("metrics on http://127.0.0.1:%d/metrics", metrics.port)
    try:
        yield
    finally:
        metrics.close()


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up_logging(args: argparse.Namespace) -> None:
    """Log as JSON where that was asked for, with what is only told there."""
    if args.log_json:
        logging.captureWarnings(True)  # Python's own are no JSON
        for handler in logging.getLogger().handlers:
            handler.setFormatter(_Json())
        logging.getLogger("caststream").setLevel(logging.INFO)


def tell(args: argparse.Namespace, text: str) -> None:
    """Say on standard error what is no warning: as the log is written, or not at all."""
    if args.log_json:
        logging.getLogger(__name__).info("%s", text)
    elif not args.quiet:
        print(f"caststream: {text}", file=sys.stderr, flush=True)
