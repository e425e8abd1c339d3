"""The journal of a watched archive: what it says survives crashes, and changed files are new."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from caststream.store import journal
from caststream.store.journal import FILE, Journal


def test_the_last_line_on_a_path_is_in_force(tmp_path: Path) -> None:
    one = Journal(tmp_path)
    one.note("a.mp4", 5, 7, "begun", tries=1)
    one.note("b.mp4", 5, 7, "bad", "no film")
    one.note("a.mp4", 5, 7, "done", "source 3")
    for known in (one, Journal(tmp_path)):
        found = known.get("a.mp4", 5, 7)
        assert found is not None and (found.fate, found.why) == ("done", "source 3")
        assert [entry.path for entry in known.of("bad")] == ["b.mp4"]
        assert "a.mp4" in known and "c.mp4" not in known


def test_a_changed_file_is_another(tmp_path: Path) -> None:
    one = Journal(tmp_path)
    one.note("a", 5, 7, "done")
    assert one.get("a", 6, 7) is None and one.get("a", 5, 8) is None and one.get("b", 5, 7) is None


def test_names_of_all_kinds(tmp_path: Path) -> None:
    for name in ("Ä \n\t\"'\\.mp4", "名前.mkv", "\udcff.ts"):
        Journal(tmp_path).note(name, 1, 2, "done")
        assert name in Journal(tmp_path)


@pytest.mark.parametrize("seed", range(5))
def test_a_torn_end_is_mended(tmp_path: Path, seed: int) -> None:
    one = Journal(tmp_path)
    for number in range(20):
        one.note(f"{number}.mp4", number, number, "done")
    data = (tmp_path / FILE).read_bytes()
    cut = random.Random(seed).randrange(len(data))
    (tmp_path / FILE).write_bytes(data[:cut])
    mended = Journal(tmp_path)
    whole = data[:cut].count(b"\n")
    assert len(mended.of("done")) == whole
    mended.note("new.mp4", 1, 1, "bad")
    again = Journal(tmp_path)
    assert len(again.of("done")) == whole and len(again.of("bad")) == 1


def test_it_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_SPARE", 10)
    for number in range(50):
        Journal(tmp_path).note("a", number, 0, "begun")
    assert (tmp_path / FILE).read_bytes().count(b"\n") < 15
    found = Journal(tmp_path).get("a", 49, 0)
    assert found is not None and found.fate == "begun"
