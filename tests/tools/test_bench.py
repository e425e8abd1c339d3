"""The benchmarks' own arithmetic: clips are what they say, tables and plots show what they got."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np
import pytest

from tests.films import write_film
from tools.bench import clips, grouping, plot, stages


@pytest.mark.parametrize("kind", [clips.KINDS[0], clips.KINDS[3]], ids=lambda kind: kind.name)
def test_a_clip_has_the_size_codec_and_length_that_its_kind_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: clips.Kind
) -> None:
    monkeypatch.setattr(clips, "START", 0.5)
    film = write_film(tmp_path / "film.mp4", 48, size=(320, 180))
    made = clips.clip(film, kind, tmp_path, seconds=1.0)
    with av.open(str(made)) as played:
        stream = played.streams.video[0]
        assert (stream.width, stream.height) == (640, 360)
        assert stream.codec_context.name == {"libx264": "h264", "libx265": "hevc"}[kind.codec]
        times = [frame.time for frame in played.decode(stream)]
    assert 20 <= len(times) <= 36
    np.testing.assert_allclose(np.diff(times), 1 / 24, atol=1e-3)
    assert clips.clip(film, kind, tmp_path, seconds=1.0) == made


def test_stages_are_told_by_their_share() -> None:
    table = stages.table({"opening": 1.5, "decode": 1.0, "detect": 3.0}, length=10.0)
    assert "| detect | 300.0 | 75% |" in table
    assert table.index("detect") < table.index("decode")
    assert "| **all** | 400.0 | |" in table
    assert "1.5 s" in table


def test_plots_are_well_formed_and_to_scale() -> None:
    svg = ElementTree.fromstring(plot.bars({"a <b>": (10.0, 5.0)}, ("one", "two")))
    widths = [float(x.get("width", 0)) for x in svg if x.get("height") == "11"]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.2)
    svg = ElementTree.fromstring(plot.curves({"x": {10: 1.0, 100: 10.0, 1000: 100.0}}, "n", "s"))
    (line,) = (x for x in svg if x.tag.endswith("polyline"))
    points = np.array([[float(v) for v in p.split(",")] for p in line.get("points", "").split()])
    np.testing.assert_allclose(np.diff(points, 2, axis=0), 0, atol=0.2)


def test_made_up_tracks_look_like_their_identities() -> None:
    views, who = grouping.tracks(400)
    assert (who == -1).mean() == pytest.approx(grouping.CLUTTER, abs=0.08)
    mean = views[who >= 0].mean(axis=1)
    close = mean @ mean.T
    same = who[who >= 0][:, None] == who[who >= 0][None]
    np.fill_diagonal(same, False)
    assert close[same].mean() > close[~same].mean() + 0.4
