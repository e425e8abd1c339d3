"""``caststream graph`` and ``caststream nodes``: what a stream is made of."""

from __future__ import annotations

import argparse

from caststream.commands import Command


def _graph_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("graph", metavar="FILE|NAME")
    parser.add_argument(
        "--set",
        metavar="NODE.KEY=VALUE",
        action="append",
        default=[],
        help="one argument of one node, e.g. detect.rate=6 (repeatable)",
    )


def _graph(args: argparse.Namespace) -> int:
    from caststream.graph.describe import describe
    from caststream.graph.spec import load_graph
    from caststream.nodes import catalogue

    print(describe(load_graph(args.graph, catalogue(), args.set)))
    return 0


def _nodes(args: argparse.Namespace) -> int:
    from caststream.graph.describe import describe_nodes
    from caststream.nodes import catalogue

    print(describe_nodes(catalogue()))
    return 0


GRAPH = Command("Check a graph file and print its tree.", _graph_arguments, _graph)
NODES = Command("List the nodes that graphs are made of.", lambda parser: None, _nodes)
