"""Named characters that may be two: what is suggested, and what people say to that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from caststream.errors import UsageError
from caststream.learning.cast import Cast
from caststream.learning.characters import Acts, fold
from caststream.learning.edit import Editor
from caststream.learning.grouping import Grouping, Seen
from caststream.store import published
from caststream.store.acts import Act
from caststream.store.published import Published
from caststream.store.schema import make_uid
from caststream.store.writer import StoreWriter

ONE, OTHER = (np.arange(10) + start for start in (0, 100))
"""Tracks of two that look alike, and of which the first is seen more."""
NAMED = fold([Act(1, 0.0, "name", {"character": 1, "name": "Ann"})])


def alike(pairs: int, acts: Acts = NAMED) -> tuple[Grouping, tuple[np.ndarray, np.ndarray]]:
    """Two that were one when they were named, then seen side by side so often; the suggestion."""
    random = np.random.default_rng(5)
    looks = np.eye(3, 64)
    looks[1] = 0.62 * looks[0] + np.sqrt(1 - 0.62**2) * looks[1]
    grouping = Grouping(64, 64)
    for who, tracks in enumerate((ONE, OTHER)):
        for uid in tracks.tolist():
            rows = looks[who] + random.normal(scale=0.02, size=(6, 64))
            rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
            grouping.add(Seen(uid, rows, rows, 3.0 - who, 0.8, float(uid)))
    grouping.regroup(0.5, Acts())
    assert set(grouping.labels().character.tolist()) == {1}
    for k in range(pairs):
        grouping.apart(int(ONE[k]), int(OTHER[k]))
    return grouping, grouping.regroup(0.5, acts).splits


def test_a_named_one_whose_tracks_were_seen_side_by_side_is_asked_about_and_stays() -> None:
    grouping, (uid, character) = alike(pairs=2)
    assert uid.tolist() == OTHER.tolist()
    assert set(character.tolist()) == {1}
    assert set(grouping.labels().character.tolist()) == {1}  # only suggested


@pytest.mark.parametrize(
    ("pairs", "acts"),
    [
        pytest.param(0, NAMED, id="never side by side"),
        pytest.param(2, Acts(), id="without a name the machine splits by itself"),
        pytest.param(2, replace(NAMED, ignored={1}), id="ignored"),
    ],
)
def test_nothing_is_suggested_without_cause(pairs: int, acts: Acts) -> None:
    _, (uid, character) = alike(pairs, acts)
    assert len(uid) == len(character) == 0


def test_a_glimpse_is_not_worth_a_question() -> None:
    grouping, _ = alike(pairs=0)
    rows = np.tile(np.eye(1, 64, 40, dtype=np.float32), (4, 1))
    grouping.add(Seen(500, rows, rows, 1.0, 0.8, 500.0))
    grouping.character[-1] = 1  # as a person may have placed it
    for track in ONE[:3].tolist():
        grouping.apart(track, 500)
    assert len(grouping.regroup(0.5, NAMED).splits[0]) == 0


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Six tracks of c1, which has a name, of which three may be somebody else."""
    path = tmp_path / "show.zarr"
    with StoreWriter.open(path):
        pass
    uid = np.array([make_uid(0, t) for t in range(6)])
    published.publish(
        path,
        Published(
            revision=1,
            label_uid=uid,
            label_character=np.full(6, 1),
            label_confidence=np.full(6, 0.9, np.float32),
            extra={
                "next_id": np.array([3]),
                "split_uid": uid[3:],
                "split_character": np.full(3, 1),
            },
            characters=({"id": 1, "aliases": []},),
        ),
    )
    Editor(path).name(1, "Ann")
    return path


def suspects(store: Path) -> dict[int, list[int]]:
    return Cast(store).splits()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda editor: editor.split(editor.cast.splits()[1]), id="split"),
        pytest.param(lambda editor: editor.whole(1), id="all are one"),
        pytest.param(lambda editor: editor.name(1, ""), id="no name any more"),
        pytest.param(lambda editor: editor.ignore(1), id="ignored"),
    ],
)
def test_an_answer_ends_the_question_until_it_is_undone(
    store: Path, answer: Callable[[Editor], Act]
) -> None:
    asked = {1: [make_uid(0, t) for t in (3, 4, 5)]}
    assert suspects(store) == asked
    editor = Editor(store)
    answer(editor)
    assert suspects(store) == {}
    editor.undo()
    assert suspects(store) == asked


def test_splitting_makes_a_character_of_what_is_left_of_the_suggestion(store: Path) -> None:
    editor = Editor(store)
    into = editor.split([make_uid(0, 3)]).arguments["into"]
    assert suspects(store) == {1: [make_uid(0, t) for t in (4, 5)]}
    act = editor.split(suspects(store)[1])
    assert editor.cast.labels.tolist() == [1, 1, 1, into, *[act.arguments["into"]] * 2]


def test_what_nobody_suggests_cannot_be_refused(store: Path) -> None:
    editor = Editor(store)
    editor.whole(1)
    with pytest.raises(UsageError, match="nobody suggests to split c1"):
        editor.whole(1)
    with pytest.raises(UsageError, match="no character c9"):
        editor.whole(9)
