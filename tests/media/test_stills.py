"""Pictures of a film by their time, whatever its container knows of times."""

from __future__ import annotations

from pathlib import Path

import pytest
from films import packet_places, read_number, write_film

from caststream.errors import InputError
from caststream.media.pipes import StopSign
from caststream.media.sources import Source
from caststream.media.stills import Stills

RATE = 25
FRAMES = 120


def stills(path: Path) -> Stills:
    source = Source(str(path), timeout=5, spool_limit=0, stop=StopSign())
    source.close()
    return Stills(str(path), source.fingerprint)


@pytest.mark.parametrize(
    ("name", "codec", "b_frames"),
    [
        ("film.ts", "libx264", 2),
        ("other.ts", "mpeg2video", 2),
        ("film.mpg", "mpeg2video", 2),
        ("film.mp4", "libx264", 2),
        ("film.avi", "mpeg4", 0),
    ],
)
def test_the_picture_of_a_time(tmp_path: Path, name: str, codec: str, b_frames: int) -> None:
    """In the first three a seek leads to any packet; decoding begins at the next key picture."""
    path = write_film(tmp_path / name, FRAMES, fps=RATE, codec=codec, gop=RATE, b_frames=b_frames)
    film = stills(path)
    try:
        wanted = list(range(0, FRAMES, 3))
        assert [read_number(film.at(k / RATE, 96)) for k in wanted] == wanted
        assert 5 <= read_number(film.at(0.2, 96, until=0.6)) <= 15
        with pytest.raises(InputError):
            film.at(10.0, 96)
    finally:
        film.close()


def test_a_damaged_beginning_is_passed_over(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mp4", 50, fps=RATE, gop=5, b_frames=0)
    place, size = packet_places(path)[0]
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"\xff" * size)
    film = stills(path)
    try:
        first = read_number(film.at(0.0, 96))
        assert first > 0
        assert read_number(film.at(1.0, 96)) == 25 + first
    finally:
        film.close()
