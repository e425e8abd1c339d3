"""From two files to figures, and the figures as text."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from caststream.errors import InputError
from caststream.evaluation.examples import Dot, Worth, worth
from caststream.evaluation.faces import Faces, faces
from caststream.evaluation.identity import (
    Confusion,
    IdentityScores,
    confusion,
    identity_scores,
    match_all,
)
from caststream.evaluation.labels import Found, read_labels
from caststream.evaluation.scores import Scores, score
from caststream.evaluation.story import Growth, Reliability, read_story, reliability
from caststream.evaluation.truth import Truth, read_truth


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that is known of one label stream."""

    scores: Scores
    identity: IdentityScores | None
    """None where no named character's box was matched."""
    confusion: Confusion
    reliability: Reliability
    growth: tuple[Growth, ...]
    names: dict[str, str]
    """What found characters are called, by majority."""
    faces: tuple[Faces, ...]
    """Empty without a store, as are the next two."""
    worth: tuple[Worth, ...] = ()
    """Shipped head against the one in force, at several numbers of examples."""
    map: tuple[Dot, ...] = ()
    """Tracks by their looks."""
    flips: float | None = None
    """Share of screen time that goes to another id from one revision to the next, on average."""
    guesses: float | None = None
    """The part of it that was only guessed so far, at the end of a shot."""
    named_flips: float | None = None
    """The same as ``flips`` of characters with a name."""

    def figures(self) -> dict[str, object]:
        """All single figures by name."""
        more = self.identity.as_dict() if self.identity else {}
        flips = {
            "flips": self.flips,
            "guesses": self.guesses,
            "named_flips": self.named_flips,
        }
        return {**self.scores.as_dict(), **more, "calibration": self.reliability.error, **flips}

    def as_dict(self) -> dict[str, object]:
        """The figures by name, and the confusion matrix."""
        return {**self.figures(), "confusion": asdict(self.confusion)}


def evaluate_files(truth_path: str, labels_path: str, store: str | None = None) -> Evaluation:
    """Score a label file ("-" for standard input) against a truth file.

    ``store`` is where the labels came from, to show pictures out of it. Raises ``InputError``
    where a file cannot be read or is not what it should be, ``StoreError`` likewise.
    """
    truth = read_truth(truth_path)
    try:
        if labels_path == "-":
            lines = sys.stdin.readlines()
        else:
            with Path(labels_path).open(encoding="utf-8") as file:
                lines = file.readlines()
    except OSError as error:
        raise InputError(f"cannot read the labels {labels_path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{labels_path} is not a label stream: not UTF-8") from error
    name = "standard input" if labels_path == "-" else labels_path
    try:
        found, story = read_labels(lines, name), read_story(lines)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{name} is not a label stream: {error!r}") from error
    matches = match_all(truth, found)
    source = story.source if store else None
    table, dots = worth(store, source, matches) if store and source is not None else ((), ())
    return Evaluation(
        _score(truth, found),
        identity_scores(matches),
        confusion(matches),
        reliability(matches, story),
        tuple(story.growth),
        matches.majority,
        faces(store, source, found) if store and source is not None else (),
        table,
        dots,
        _mean(story.flips),
        _mean(story.guesses),
        _mean(story.named_flips),
    )


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _score(truth: Truth, found: Found) -> Scores:
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
    ("", "v_measure", "V"),
    ("", "ari", "ARI"),
    ("", "ami", "AMI"),
    ("", "purity", "purity"),
    ("", "k_error", "K error"),
    ("", "noise_share", "noise"),
    ("", "named", "named"),
    ("", "macro_f1", "macro F1"),
    ("", "clicks", "clicks"),
    ("", "flips", "id flips"),
    ("", "guesses", "of these only guessed"),
    ("tracking", "hota", "HOTA"),
    ("", "ass_a", "AssA"),
    ("", "idf1", "IDF1"),
    ("", "mota", "MOTA"),
)


def render(evaluation: Evaluation) -> str:
    """The figures as lines of text; what the truth says nothing of is left out."""
    scores, values = evaluation.scores, evaluation.figures()
    lines = [f"{scores.clip}: {scores.frames} annotated frames"]
    for group, key, label in _LINES:
        value = values.get(key)
        if value is not None:
            text = str(value) if isinstance(value, int) else f"{value:.3f}"
            lines.append(f"  {group:<11}{label:<11}{text:>6}")
    return "\n".join(lines)
