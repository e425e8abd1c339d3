"""Films found, measured and cut without recoding."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import av
import pytest
from films import read_number, write_film, write_sound

from caststream.archive.films import container_for, cut, find_films, measure
from caststream.errors import InputError, NoVideoError
from caststream.media.pipes import StopSign
from caststream.media.sources import Source
from caststream.store.places import Place


def numbers(path: Path) -> tuple[list[int], list[float]]:
    """The numbers on the frames of a film and their times from its first."""
    with av.open(str(path)) as film:
        frames = list(film.decode(video=0))
    times = [float(frame.time) for frame in frames]
    return [read_number(f.to_ndarray(format="rgb24")) for f in frames], [
        t - times[0] for t in times
    ]


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("film.mp4", {}),
        ("film.mkv", {}),
        ("film.ts", {"start": 12.0, "gop": 6}),
        ("film.mp4", {"start": 3.0, "b_frames": 0}),
    ],
)
def test_a_span_holds_the_frames_of_its_time(tmp_path: Path, name: str, more: dict) -> None:
    gop = more.setdefault("gop", 24)
    film = write_film(tmp_path / name, 192, **more)
    found = measure(str(film), 2.0)
    assert found.seconds == pytest.approx(8.0, abs=0.1)
    # A transport stream is sought in roughly.
    assert found.cuts == pytest.approx([2.0, 4.0, 6.0], abs=0.01 if gop == 24 else 0.3)
    firsts = [round(cut * 24) for cut in found.cuts]
    assert all(first % gop == 0 for first in firsts)
    begin, end = found.cuts[0], found.cuts[1] + 0.5
    span = tmp_path / f"span{container_for(str(film))}"
    assert cut(str(film), begin, end, found.cuts[1], span) == firsts[1] - firsts[0]
    seen, times = numbers(span)
    last = -(-(firsts[1] + 12) // gop) * gop  # the next keyframe
    assert seen == list(range(firsts[0], last))
    assert times == pytest.approx([k / 24 for k in range(len(seen))], abs=0.0011)
    rest = tmp_path / f"rest{span.suffix}"
    assert cut(str(film), found.cuts[2], None, None, rest) == 192 - firsts[2]
    assert numbers(rest)[0] == list(range(firsts[2], 192))


def test_what_a_plan_knows_is_what_a_stream_sees(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", 48)
    source = Source(str(film), timeout=5, spool_limit=1 << 20, stop=StopSign())
    assert measure(str(film), 60.0).fingerprint == source.fingerprint
    source.close()


def test_frames_that_come_at_no_rate_are_cut_by_their_times(tmp_path: Path) -> None:
    times = [k * 0.1 + (0.03 if k % 3 else 0.0) for k in range(60)]
    film = write_film(tmp_path / "film.mkv", 60, times=times, gop=2, b_frames=0)
    found = measure(str(film), 2.0)
    span = tmp_path / "span.mkv"
    count = cut(str(film), found.cuts[0], found.cuts[1], found.cuts[1], span)
    seen, _ = numbers(span)
    assert len(seen) == count
    first = round(found.cuts[0] / 0.1)
    assert seen == list(range(first, first + count))


def test_a_film_in_an_object_store_is_the_same(tmp_path: Path, bucket: str) -> None:
    (tmp_path / "in").mkdir()
    film = write_film(tmp_path / "in" / "film.mp4", 192, gop=24)
    (tmp_path / "in" / "notes.txt").write_text("no film")
    Place(bucket).upload(tmp_path / "in", "films")
    (uri,) = find_films([bucket + "/films/"])
    assert uri == f"{bucket}/films/film.mp4"
    here, there = measure(str(film), 2.0), measure(uri, 2.0)
    assert (here.fingerprint, here.seconds, here.cuts) == (
        there.fingerprint, there.seconds, there.cuts,
    )  # fmt: skip
    assert cut(uri, 2.0, 4.0, 4.0, tmp_path / "span.mp4") == 48
    assert numbers(tmp_path / "span.mp4")[0] == list(range(48, 96))


def test_folders_are_searched_to_the_bottom(tmp_path: Path) -> None:
    (tmp_path / "b" / "c").mkdir(parents=True)
    film = write_film(tmp_path / "b" / "c" / "two.MKV", 6, format="matroska")
    shutil.copy(film, tmp_path / "one.mp4")
    (tmp_path / "b" / "one.truth.json").write_text("{}")
    assert find_films([str(tmp_path), str(film)]) == [str(film), str(tmp_path / "one.mp4")]


def test_what_is_no_film_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_text("no film")
    write_sound(tmp_path / "sound.mp4")
    with pytest.raises(InputError, match=r"bad\.mp4 cannot be read"):
        measure(str(tmp_path / "bad.mp4"), 60)
    with pytest.raises(NoVideoError, match="holds no video"):
        measure(str(tmp_path / "sound.mp4"), 60)
    write_film(tmp_path / os.fsdecode(b"g\xe9n\xe9rique.mp4"), 24)
    (odd,) = (uri for uri in find_films([str(tmp_path)]) if "rique" in uri)
    with pytest.raises(InputError, match=r"g.n.rique\.mp4 cannot be planned"):
        measure(odd, 60)
    with pytest.raises(InputError, match="no such file"):
        find_films([str(tmp_path / "none.mp4")])
    film = write_film(tmp_path / "film.mp4", 24)
    with pytest.raises(InputError, match="was it changed"):
        cut(str(film), 100.0, 110.0, 105.0, tmp_path / "span.mp4")
