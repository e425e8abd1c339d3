"""The report: complete, safe against what it is made of, and of one file."""

from __future__ import annotations

import base64
import json
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from made_stores import fill

from caststream.cli import main
from caststream.errors import OutputError, StoreError
from caststream.evaluation.html import page, write_report
from caststream.evaluation.identity import Matches
from caststream.evaluation.report import Evaluation, evaluate_files
from caststream.evaluation.story import Story, read_story, reliability
from caststream.store.reader import StoreReader

HERE = [10.0, 10.0, 20.0, 40.0]
EVIL = '<script>alert("x")</script>\u2028& Söhne'


def files(
    folder: Path, who: str = "ann", named: str | None = None, track: int = 3
) -> tuple[str, str]:
    """A truth of four boxes, and labels that find them all."""
    frames = [{"frame": f, "boxes": [{"character": who, "box": HERE}]} for f in range(0, 24, 6)]
    truth = folder / "t.json"
    truth.write_text(
        json.dumps(
            {
                "clip": f"{who}.mp4",
                "width": 100,
                "height": 60,
                "fps": 24,
                "boundaries": None,
                "frames": frames,
            }
        )
    )
    box = {"track": track, "box": HERE, "score": 0.9, "character": "c1", "name": named}
    lines = [
        {"type": "frame", "frame": f, "time": f / 24, "shot": 0, "boxes": [box]}
        for f in range(0, 24, 6)
    ]
    seen = {"type": "track", "track": track, "shot": 0, "start_frame": 0, "end_frame": 24}
    lines += [
        {"type": "stream", "schema": "caststream/1", "source": 1},
        {"type": "shot", "shot": 0, "start_frame": 0, "end_frame": 24, "end": 1.0},
        {**seen, "character": "c1", "confidence": 0.7},
        *[
            {
                "type": "dictionary",
                "revision": revision,
                "characters": [
                    {"character": "c1", "name": named, "tracks": 1, "seconds": revision / 2}
                ],
            }
            for revision in (1, 2)
        ],
    ]
    labels = folder / "l.ndjson"
    text = "".join(json.dumps(r, ensure_ascii=False, separators=(",", ":")) + "\n" for r in lines)
    labels.write_text(text, "utf-8")
    return str(truth), str(labels)


class Outline(HTMLParser):
    """Which elements there are, whether they are closed, and what they would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.loads += [str(v) for k, v in attrs if k in ("src", "href", "data", "srcset")]
        if tag not in ("meta", "path", "polyline", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        assert not any(name in ("src", "href") for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def svgs(text: str) -> list[ElementTree.Element]:
    parts = text.split("<svg")[1:]
    return [ElementTree.fromstring("<svg" + p.split("</svg>")[0] + "</svg>") for p in parts]


def test_the_command_writes_a_whole_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.html"
    assert main(["eval", *files(tmp_path), "--json", "--report", str(out)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["b_cubed_f1"] == figures["macro_f1"] == figures["purity"] == 1.0
    assert figures["k_error"] == figures["noise_share"] == 0
    assert figures["calibration"] == pytest.approx(0.3)
    assert figures["confusion"]["truth"] == ["ann"]
    assert figures["confusion"]["counts"] == [[4, 0, 0]]
    outline = Outline(out.read_text("utf-8"))
    assert outline.open == []
    assert outline.tags["svg"] == 3
    assert "Macro F1" in outline.text
    assert "HOTA" not in outline.text, "the truth says nothing of tracks"


def test_nothing_is_loaded_and_nothing_runs(tmp_path: Path) -> None:
    text = page(evaluate_files(*files(tmp_path, who=EVIL, named=EVIL)))
    outline = Outline(text)
    assert outline.loads == []
    assert outline.tags["script"] == 0
    assert "default-src 'none'" in text
    assert "http" not in text.replace("http-equiv", "")
    assert EVIL in "".join(outline.text), "the name is shown as it is written"


def test_charts_show_what_was_measured(tmp_path: Path) -> None:
    trust, count, screen = svgs(page(evaluate_files(*files(tmp_path))))
    dots = trust.findall("circle")
    assert [d.findtext("title") for d in dots] == ["confidence 0.70, right 1.00, 4 boxes"]
    assert float(dots[0].get("cy", "0")) == 14  # at the very top
    points = screen.findall("polyline")[0].get("points", "").split()
    heights = [float(p.split(",")[1]) for p in points]
    assert len(heights) == 2
    assert heights[0] > heights[1], "screen time grows upwards"
    assert len(count.findall("polyline")) == 1


def test_pictures_of_the_found_ones_lie_in_the_page(tmp_path: Path) -> None:
    store = tmp_path / "show.zarr"
    fill(store, uri="an earlier episode.mp4")
    source = fill(store)
    with StoreReader(store) as reader:
        table = reader.tracks(source)
        uid = int(table.uid[0])
        rows = reader.rows_of(uid)
        typical = rows.crop[rows.frame.tolist().index(int(table.exemplar[0]))]
    assert (source, uid >> 32) == (1, 1)
    evaluation = evaluate_files(*files(tmp_path, track=uid & 0xFFFFFFFF), str(store))
    assert [(f.character, f.boxes, f.crops) for f in evaluation.faces] == [("c1", 4, (typical,))]
    outline = Outline(page(evaluation))
    data = "data:image/jpeg;base64,"
    assert [base64.b64decode(url.removeprefix(data)) for url in outline.loads] == [typical]
    assert outline.open == []
    unknown = evaluate_files(*files(tmp_path, track=999999), str(store))
    assert [f.crops for f in unknown.faces] == [()]
    with pytest.raises(StoreError):
        evaluate_files(*files(tmp_path), str(tmp_path / "no store"))


def test_labels_without_dictionary_or_characters(tmp_path: Path) -> None:
    truth, labels = files(tmp_path)
    Path(labels).write_text("")
    evaluation = evaluate_files(truth, labels)
    assert isinstance(evaluation, Evaluation)
    assert evaluation.identity is None
    outline = Outline(page(evaluation))
    assert outline.tags["svg"] == 0
    assert outline.open == []


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write the report"):
        write_report(evaluate_files(*files(tmp_path)), tmp_path / "missing" / "out.html")


def test_confidence_follows_a_track_through_merges() -> None:
    lines = [
        json.dumps({"type": "track", "track": t, "character": c, "confidence": s})
        for t, c, s in [(1, "c1", 0.95), (2, "c2", 0.65), (3, None, 0.0)]
    ]
    merged = [{"from": "c2", "to": "c1"}]
    lines += ["torn {", json.dumps({"type": "dictionary", "characters": [], "merged": merged})]
    story = read_story(lines)
    assert story.tracks == {1: ("c1", 0.95), 2: ("c1", 0.65)}
    matches = Matches(("ann", "ann", "bob", "bob"), ("c1",) * 3 + (None,), (1, 1, 2, 3), Counter())
    trust = reliability(matches, story)
    np.testing.assert_array_equal(trust.count, [0, 0, 0, 0, 0, 0, 1, 0, 0, 2])
    assert trust.right[9] == 1.0
    assert trust.right[6] == 0.0
    assert trust.error == pytest.approx((0.65 + 2 * 0.05) / 3, abs=1e-6)
    assert reliability(matches, Story()).error is None
