"""``caststream eval``: how good labels are, where the truth is known."""

from __future__ import annotations

import argparse
import json

from caststream.commands import Command


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("truth")
    parser.add_argument("labels", help="a label stream, or - for standard input")
    parser.add_argument("--json", action="store_true", help="figures as one JSON object")
    parser.add_argument("--report", metavar="FILE", help="write a page with figures and curves")
    parser.add_argument("--store", help="where the labels came from: pictures for the report")


def _run(args: argparse.Namespace) -> int:
    from caststream.evaluation.report import evaluate_files, render

    evaluation = evaluate_files(args.truth, args.labels, args.store)
    if args.report:
        from caststream.evaluation.html import write_report

        write_report(evaluation, args.report)
    print(json.dumps(evaluation.as_dict()) if args.json else render(evaluation))
    return 0


EVAL = Command("Tell how well labels agree with a truth file.", _arguments, _run)
