"""From two files to figures, and the figures as text."""

from __future__ import annotations

import sys
from pathlib import Path

from caststream.errors import InputError
from caststream.evaluation.labels import read_labels
from caststream.evaluation.scores import Scores, score
from caststream.evaluation.truth import read_truth


def evaluate_files(truth_path: str, labels_path: str) -> Scores:
    """Score a label file ("-" for standard input) against a truth file.

    Raises ``InputError`` where one of them cannot be read or is not what it should be.
    """
    truth = read_truth(truth_path)
    try:
        if labels_path == "-":
            found = read_labels(sys.stdin, "standard input")
        else:
            with Path(labels_path).open(encoding="utf-8") as lines:
                found = read_labels(lines, labels_path)
    except OSError as error:
        raise InputError(f"cannot read the labels {labels_path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{labels_path} is not a label stream: not UTF-8") from error
    try:
        return score(truth, found)
    except ModuleNotFoundError:
        print(
            "caststream: no tracking scores: install caststream[eval] for trackeval",
            file=sys.stderr,
        )
        return score(truth, found, tracking=False)


_LINES = (
    ("boundaries", "boundary_f1", "F1"),
    ("", "boundary_precision", "precision"),
    ("", "boundary_recall", "recall"),
    ("detection", "ap50", "AP50"),
    ("", "precision", "precision"),
    ("", "recall", "recall"),
    ("identity", "b_cubed_f1", "B-cubed F1"),
    ("", "b_cubed_precision", "precision"),
    ("", "b_cubed_recall", "recall"),
    ("", "named", "named"),
    ("", "clicks", "clicks"),
    ("tracking", "hota", "HOTA"),
    ("", "ass_a", "AssA"),
    ("", "idf1", "IDF1"),
    ("", "mota", "MOTA"),
)


def render(scores: Scores) -> str:
    """The figures as lines of text; what the truth says nothing of is left out."""
    lines = [f"{scores.clip}: {scores.frames} annotated frames"]
    for group, key, label in _LINES:
        value = getattr(scores, key)
        if value is not None:
            text = str(value) if isinstance(value, int) else f"{value:.3f}"
            lines.append(f"  {group:<11}{label:<11}{text:>6}")
    return "\n".join(lines)
