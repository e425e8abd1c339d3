"""Scores of labels against truth, on streams small enough to count by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caststream.errors import InputError
from caststream.evaluation.labels import Found, FoundFrame, read_labels
from caststream.evaluation.report import evaluate_files, render
from caststream.evaluation.scores import average_precision, b_cubed, iou, match_boxes, score
from caststream.evaluation.truth import read_truth

HERE = [10.0, 10.0, 20.0, 40.0]
THERE = [60.0, 10.0, 20.0, 40.0]


def truth_file(path: Path, frames: list[dict[str, Any]], **more: Any) -> Path:
    raw = {
        "clip": "x.mp4",
        "width": 100,
        "height": 60,
        "fps": 24,
        "frame_count": 48,
        "complete": True,
        "boundaries": [{"frame": 24, "type": "cut"}],
        "characters": {},
        "ambiguous": [],
        "frames": frames,
        **more,
    }
    path.write_text(json.dumps(raw))
    return path


def box(where: list[float], who: str = "ann", **more: Any) -> dict[str, Any]:
    return {"character": who, "box": where, **more}


def said(frame: int, *boxes: tuple[list[float], float, int | None, str | None]) -> str:
    return json.dumps(
        {
            "type": "frame",
            "frame": frame,
            "time": frame / 24,
            "shot": 0,
            "boxes": [
                {"track": t, "box": b, "score": s, "character": c, "name": None, "confidence": 0.5}
                for b, s, t, c in boxes
            ],
        }
    )


def track(number: int, frames: tuple[int, int], character: str | None, **more: Any) -> str:
    return json.dumps(
        {
            "type": "track",
            "track": number,
            "shot": 0,
            "start_frame": frames[0],
            "end_frame": frames[1],
            "boxes": 2,
            "character": character,
            "name": None,
            "confidence": 0.9,
            "exemplar": frames[0],
            **more,
        }
    )


def test_a_perfect_stream_scores_one(tmp_path: Path) -> None:
    frames = [
        {"frame": f, "boxes": [box(HERE, "ann", track=1), box(THERE, "bob", track=2)]}
        for f in range(0, 48, 6)
    ]
    truth = read_truth(truth_file(tmp_path / "t.json", frames))
    lines = [said(f, (HERE, 0.9, 1, "c1"), (THERE, 0.8, 2, "c2")) for f in range(0, 48, 6)]
    lines += [json.dumps({"type": "shot", "shot": 1, "start_frame": 24, "end_frame": 48})]
    scores = score(truth, read_labels(lines))
    assert scores.boundary_f1 == scores.ap50 == scores.b_cubed_f1 == scores.named == 1.0
    assert scores.clicks == 2
    assert (scores.hota, scores.idf1, scores.mota) == pytest.approx((1.0, 1.0, 1.0))


def test_final_labels_come_from_the_last_word_on_a_track() -> None:
    lines = [
        said(0, (HERE, 0.9, 1, None)),
        said(6, (HERE, 0.9, 1, None), (THERE, 0.9, 4, None)),
        said(12, (HERE, 0.9, 1, None)),
        track(1, (0, 7), "c1", online=[1]),
        track(9, (12, 13), "c2", online=[1]),
        track(4, (6, 7), "c3", online=[4]),
        json.dumps(
            {
                "type": "dictionary",
                "revision": 1,
                "characters": [],
                "relabelled": [{"track": 4, "from": "c3", "to": "c5"}],
                "merged": [{"from": "c2", "to": "c1"}],
            }
        ),
        json.dumps({"type": "of the future", "anything": 1}),
        '{"type": "fra',
    ]
    found = read_labels(lines)
    assert [found.frames[f].characters for f in (0, 6, 12)] == [["c1"], ["c1", "c5"], ["c1"]]
    assert found.frames[12].tracks == [9]


def test_a_broken_line_in_the_middle_is_an_error() -> None:
    with pytest.raises(InputError, match="line 2"):
        read_labels([said(0), "nonsense", said(6)])


def test_labels_of_several_films_are_not_taken_for_those_of_one() -> None:
    stream = json.dumps({"type": "stream", "source": 0})
    with pytest.raises(InputError, match="several films"):
        read_labels([stream, said(0), stream, said(0)])


@pytest.mark.parametrize(
    "line",
    ['{"type":"frame"}', '{"type":"shot","shot":null}', '{"type":"frame","frame":0,"boxes":[1]}'],
)
def test_records_of_something_else_are_told(tmp_path: Path, line: str) -> None:
    truth = {"clip": "c", "width": 9, "height": 9, "fps": 25, "frames": []}
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    (tmp_path / "labels.ndjson").write_text(line)
    with pytest.raises(InputError, match=r"labels\.ndjson is not a label stream"):
        evaluate_files(str(tmp_path / "truth.json"), str(tmp_path / "labels.ndjson"))


def test_frames_between_analysed_ones_follow_the_tracks() -> None:
    lines = [said(0, ([0, 0, 10, 10], 0.9, 1, None)), said(6, ([12, 0, 10, 10], 0.9, 1, None))]
    found = read_labels(lines)
    np.testing.assert_allclose(found.at(2, 7).boxes, [[4, 0, 14, 10]], atol=1e-5)
    assert len(found.at(40, 7).boxes) == 0
    found.boundaries = [3]
    np.testing.assert_allclose(found.at(2, 7).boxes, [[0, 0, 10, 10]])
    np.testing.assert_allclose(found.at(4, 7).boxes, [[12, 0, 22, 10]])


def test_ignored_boxes_neither_count_nor_punish(tmp_path: Path) -> None:
    frames = [{"frame": 0, "boxes": [box(HERE), box(THERE, "extra", ignore=True)]}]
    truth = read_truth(truth_file(tmp_path / "t.json", frames, complete=False))
    found = read_labels([said(0, (HERE, 0.5, 1, "c1"), (THERE, 0.9, 2, "c2"))])
    scores = score(truth, found)
    assert scores.ap50 == scores.precision == scores.recall == 1.0
    assert scores.hota is None


def test_a_second_box_on_the_same_character_is_a_false_alarm() -> None:
    truth = np.array([[0, 0, 10, 10]], np.float32)
    found = np.array([[0, 0, 10, 9], [0, 0, 10, 10]], np.float32)
    home, skipped = match_boxes(truth, found, np.array([0.6, 0.9]), np.zeros(1, bool))
    assert home == [-1, 0]
    assert not skipped


def test_average_precision_by_hand() -> None:
    # right, wrong, right of three: envelope 1, 2/3, 2/3 -> (1 + 2/3) / 3
    assert average_precision([0.9, 0.8, 0.7], [True, False, True], 3) == pytest.approx(5 / 9)
    assert average_precision([], [], 3) == 0.0


def test_b_cubed_by_hand() -> None:
    precision, recall, f1 = b_cubed(["a", "a", "b"], ["1", "1", "1"])
    assert precision == pytest.approx(5 / 9)
    assert recall == 1.0
    assert f1 == pytest.approx(10 / 14)
    assert b_cubed(["a", "a"], [None, None])[1] == 0.5


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([None, "1", "2"])), max_size=12))
def test_b_cubed_equals_its_definition(items: list[tuple[str, str | None]]) -> None:
    truth, found = [i[0] for i in items], [i[1] for i in items]

    def alike(i: int, j: int) -> bool:
        return i == j or (found[i] is not None and found[i] == found[j])

    n = range(len(items))
    for side, mine in ((0, alike), (1, lambda i, j: truth[i] == truth[j])):
        both = [sum(alike(i, j) and truth[i] == truth[j] for j in n) for i in n]
        own = [sum(mine(i, j) for j in n) for i in n]
        value = sum(b / o for b, o in zip(both, own, strict=True)) / len(items) if items else 0.0
        assert b_cubed(truth, found)[side] == pytest.approx(value)


def test_names_by_majority_and_clicks(tmp_path: Path) -> None:
    frames = [
        {"frame": f, "boxes": [box(HERE, who)]}
        for f, who in [(0, "ann"), (6, "ann"), (12, "bob"), (18, "extra"), (24, "bob")]
    ]
    truth = read_truth(truth_file(tmp_path / "t.json", frames))
    found = Found(
        {
            f: FoundFrame(np.array([[10, 10, 30, 50]], np.float32), np.ones(1), [1], [c])
            for f, c in [(0, "c1"), (6, "c1"), (12, "c1"), (18, "c2"), (24, None)]
        }
    )
    scores = score(truth, found)
    assert scores.named == 0.5  # both of ann, none of bob
    assert scores.clicks == 1


def test_iou_of_touching_and_equal_boxes() -> None:
    a = np.array([[0, 0, 10, 10]], np.float32)
    b = np.array([[10, 0, 20, 10], [0, 0, 10, 10], [5, 0, 15, 10]], np.float32)
    np.testing.assert_allclose(iou(a, b), [[0, 1, 1 / 3]], rtol=1e-6)


@pytest.mark.parametrize("text", ["", "[]", '{"clip": "x"}', "no json"])
def test_what_is_no_truth_file_is_told_in_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(text)
    with pytest.raises(InputError, match="truth file"):
        read_truth(path)


def test_files_in_text_out(tmp_path: Path) -> None:
    truth = truth_file(tmp_path / "t.json", [{"frame": 0, "boxes": [box(HERE)]}], complete=False)
    labels = tmp_path / "l.ndjson"
    labels.write_text(said(0, (HERE, 0.9, 1, "c1")) + "\n")
    text = render(evaluate_files(str(truth), str(labels)))
    assert "AP50        1.000" in text
    assert "HOTA" not in text
    with pytest.raises(InputError, match="cannot read the labels"):
        evaluate_files(str(truth), str(tmp_path / "missing"))
