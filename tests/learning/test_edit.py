"""People's acts on a real store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from caststream.errors import StoreError, UsageError
from caststream.learning.cast import Cast
from caststream.learning.edit import Editor, clean_name, read_character, read_track, track_text
from caststream.store import acts, published
from caststream.store.published import Published
from caststream.store.schema import make_uid
from caststream.store.writer import StoreWriter


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Six tracks of source 1: three of c1, two of c2, one of nobody."""
    path = tmp_path / "show.zarr"
    with StoreWriter.open(path):
        pass
    eye = np.eye(2, 256, dtype=np.float32)
    published.publish(
        path,
        Published(
            revision=1,
            prototypes=eye,
            prototype_character=np.array([1, 2]),
            prototype_weight=np.ones(2, np.float32),
            label_uid=np.array([make_uid(1, t) for t in range(6)]),
            label_character=np.array([1, 1, 1, 2, 2, -1]),
            label_confidence=np.full(6, 0.9, np.float32),
            extra={
                "next_id": np.array([3]),
                "label_seconds": np.full(6, 2.0, np.float32),
                "label_start": np.arange(6.0),
            },
            characters=({"id": 1, "aliases": []}, {"id": 2, "aliases": []}),
            thresholds={"cut": 0.5},
        ),
    )
    return path


def tracks(*numbers: int) -> list[int]:
    return [make_uid(1, n) for n in numbers]


def test_a_name_reaches_everything_at_once(store: Path) -> None:
    watching = Cast(store)
    Editor(store).name(1, " Bunny\u00a0")
    assert watching.refresh_acts()
    assert not watching.refresh_acts()
    assert watching.name(1) == "Bunny"
    line = watching.summaries()[0]
    assert (line.id, line.name, line.tracks, line.seconds, line.first_time) == (
        1, "Bunny", 3, 6.0, 0.0,
    )  # fmt: skip


def test_labels_of_tracks_known_and_unknown(store: Path) -> None:
    final, known = Cast(store).published_labels(np.array(tracks(5, 0, 6, 3), np.int64))
    assert final.tolist() == [-1, 1, -1, 2]
    assert known.tolist() == [True, True, False, True]


def test_the_same_name_twice_offers_a_merge(store: Path) -> None:
    editor = Editor(store)
    editor.name(1, "Bunny")
    editor.name(1, "Bunny")
    with pytest.raises(UsageError, match="merge c2 c1"):
        editor.name(2, "Bunny")
    editor.name(2, "Bunny", also=True)
    assert editor.cast.name(2) == "Bunny"


def test_a_track_keeps_its_name_in_doubt_and_another_has_to_be_clearly_nearer(store: Path) -> None:
    cast = Cast(store)

    def looks(one: float, other: float) -> np.ndarray:
        vector = np.zeros(256, np.float32)
        vector[:3] = one, other, np.sqrt(1 - one**2 - other**2)
        return vector

    doubtful, between, clear = looks(0.74, 0.56), looks(0.72, 0.68), looks(0.9, 0.1)
    assert cast.recognise(doubtful, 0).character is None
    kept = cast.recognise(doubtful, 0, called=1)
    assert kept.character == 1
    assert kept.confidence == pytest.approx(cast.recognise(doubtful, 0).confidence, abs=0.01)
    # The nearer one is hardly nearer: the track stays who it was.
    assert cast.recognise(between, 0, called=2).character != 1
    assert cast.recognise(clear, 0, called=2).character == 1
    assert cast.recognise(looks(0.2, 0.1), 0, called=1).character is None


def test_merges_are_seen_by_labels_and_gallery_and_undone_whole(store: Path) -> None:
    editor = Editor(store)
    vector = np.eye(2, 256, dtype=np.float32)[1]
    editor.name(2, "Bird")
    editor.merge(2, 1)
    assert editor.cast.labels.tolist() == [1, 1, 1, 1, 1, -1]
    assert editor.cast.recognise(vector, 0).character == 1
    assert editor.cast.name(2) == editor.cast.name(1) == "Bird"
    assert editor.cast.aliases == {2: 1}
    with pytest.raises(UsageError, match="one already"):
        editor.merge(1, 2)
    editor.undo()
    assert editor.cast.labels.tolist() == [1, 1, 1, 2, 2, -1]
    assert editor.cast.name(1) is None
    editor.undo()
    assert editor.cast.name(2) is None
    with pytest.raises(UsageError, match="nothing to undo"):
        editor.undo()


def test_splits_moves_refusals_and_ignores(store: Path) -> None:
    editor = Editor(store)
    assert editor.split(tracks(0, 3)).arguments["into"] == 3
    assert editor.split(tracks(1)).arguments["into"] == 4
    editor.move(tracks(5), 2)
    editor.not_this(tracks(4), 2)
    assert editor.cast.labels.tolist() == [3, 4, 1, 3, -1, 2]
    editor.name(3, "Gimera")
    editor.ignore(2)
    assert {line.id for line in editor.cast.summaries()} == {1, 3, 4}
    editor.ignore(2, ignored=False)
    assert 2 in {line.id for line in editor.cast.summaries()}


def test_what_is_not_there_is_refused(store: Path, tmp_path: Path) -> None:
    editor = Editor(store)
    with pytest.raises(UsageError, match="no character c9"):
        editor.name(9, "Nobody")
    with pytest.raises(UsageError, match="no track 1:77"):
        editor.move(tracks(77), 1)
    with pytest.raises(UsageError, match="at least one track"):
        editor.split([])
    with pytest.raises(UsageError, match="no act 5"):
        editor.undo(5)
    with pytest.raises(StoreError):
        Editor(tmp_path / "nowhere.zarr")
    assert acts.read(store) == []


@pytest.mark.parametrize("name", ["Ñandú", "うさぎ", "👑 Q", "a" * 200, "e\u0301"])
def test_names_of_any_script(name: str) -> None:
    assert len(clean_name(f"  {name} ")) <= 200


@pytest.mark.parametrize("name", ["  ", "a\nb", "bell\x07", "a" * 201, "\u2028", "\ud800"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(UsageError):
        clean_name(name)


def test_ids_and_tracks_as_people_write_them() -> None:
    assert read_character("c7") == read_character("7") == read_character(" C7") == 7
    assert track_text(read_track("2:17")) == "2:17"
    for wrong in ("", "c", "x7", "-1"):
        with pytest.raises(UsageError):
            read_character(wrong)
    for wrong in ("17", "a:b", "1:", "1:4294967296", "2147483648:1"):
        with pytest.raises(UsageError):
            read_track(wrong)


def test_two_people_naming_at_once_lose_nothing(store: Path) -> None:
    script = (
        "import sys; from caststream.learning.edit import Editor\n"
        "for i in range(20): Editor(sys.argv[1]).name(int(sys.argv[2]), f'n{i}', also=True)"
    )
    people = [subprocess.Popen([sys.executable, "-c", script, str(store), str(c)]) for c in (1, 2)]
    assert [p.wait(60) for p in people] == [0, 0]
    log = acts.read(store)
    assert [a.number for a in log] == list(range(1, 41))
    assert Cast(store).name(1) == Cast(store).name(2) == "n19"


def test_commands_say_what_they_did(store: Path) -> None:
    def say(*words: str) -> subprocess.CompletedProcess[str]:
        command, *rest = words
        return subprocess.run(
            [sys.executable, "-m", "caststream", command, str(store), *rest],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert say("name", "c1", "Bunny").stdout == 'act 1: name character c1, "Bunny"\n'
    assert say("split", "1:0").stdout.endswith("new character: c3\n")
    assert say("undo").stdout == "act 3: act 2 is undone\n"
    listing = say("log").stdout.splitlines()
    assert len(listing) == 3
    assert "(undone)" in listing[1]
    wrong = say("name", "c8", "X")
    assert wrong.returncode == 2
    assert "no character c8" in wrong.stderr
