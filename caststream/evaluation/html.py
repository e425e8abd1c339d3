"""The evaluation as one HTML file that needs no network: figures, confusions, curves.

Charts are drawn as SVG into the page, pictures lie in it as data, and it forbids itself to load
anything. Everything
that comes from files is escaped.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from caststream.errors import OutputError
from caststream.evaluation.examples import Dot, Worth
from caststream.evaluation.faces import Faces
from caststream.evaluation.identity import Confusion
from caststream.evaluation.story import Growth, Reliability

if TYPE_CHECKING:
    from caststream.evaluation.report import Evaluation

CURVES = 8
"""Characters with the most screen time that get a curve of their own."""
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 560, 280, 52, 36, 14, 16
"""Of a chart, in SVG units."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1c1a; --soft: #6b6b66; --page: #fcfcfa;
  --line: #dcdcd6; --accent: #2266bb; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e3; --soft: #9b9b94; --page: #191917;
  --line: #3b3b37; --accent: #79aef0; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; } th { font-weight: 600; text-align: left; }
td, th { padding: .2rem .7rem; border-bottom: 1px solid var(--line); }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
.note, caption { color: var(--soft); font-size: .9rem; text-align: left; }
.wide { overflow-x: auto; }
.confusion th { max-width: 11rem; overflow-wrap: anywhere; }
.confusion td { text-align: right; background:
  color-mix(in srgb, var(--accent) calc(var(--share, 0) * 55%), transparent); }
img { height: 5rem; margin: 0 .25rem .25rem 0; vertical-align: middle; }
svg { max-width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--soft); } svg .axis { stroke: var(--line); fill: none; }
svg .ideal { stroke: var(--soft); stroke-dasharray: 4 4; }
"""
_COLORS = ("#2a78d6", "#d9730d", "#1f9d6b", "#c4478f", "#7d5fd0", "#a08a1c", "#16959c", "#b0524a")

_FIGURES: tuple[tuple[str, str, str, str], ...] = (
    ("Shots", "boundary_f1", "Boundary F1", "one to one, within 2 frames"),
    ("", "boundary_precision", "Precision", ""),
    ("", "boundary_recall", "Recall", ""),
    ("Detection", "ap50", "AP50", "average precision at IoU 0.5"),
    ("", "precision", "Precision", "at the operating score"),
    ("", "recall", "Recall", ""),
    ("Identity", "b_cubed_f1", "B-cubed F1", "over matched boxes of named characters"),
    ("", "b_cubed_precision", "B-cubed precision", "how pure what is put together is"),
    ("", "b_cubed_recall", "B-cubed recall", "how whole each character is"),
    ("", "homogeneity", "Homogeneity", "every found character holds one true one"),
    ("", "completeness", "Completeness", "every true character is in one found one"),
    ("", "v_measure", "V", "harmonic mean of the two"),
    ("", "ari", "ARI", "pairs put right, corrected for chance"),
    ("", "ami", "AMI", "shared information, corrected for chance"),
    ("", "nmi", "NMI", "shared information"),
    ("", "purity", "Purity", "share of its majority within each found character"),
    ("", "k_error", "K error", "found characters less true ones"),
    ("", "noise_share", "Noise", "share of boxes labelled as nobody"),
    ("Names", "named", "Named", "true boxes with the right name after one click a character"),
    ("", "clicks", "Clicks", "characters to be named"),
    ("", "macro_f1", "Macro F1", "mean over characters, after naming by majority"),
    ("", "calibration", "Calibration error", "of the confidence of track records"),
    ("", "flips", "Id flips", "share of time that goes to another id at a revision"),
    ("", "guesses", "Guesses taken back", "the part of id flips that was a guess at a shot's end"),
    ("", "named_flips", "Named flips", "id flips of characters with a name"),
    ("Tracking", "hota", "HOTA", "Luiten et al., 2021"),
    ("", "ass_a", "AssA", "how well tracks hold together"),
    ("", "idf1", "IDF1", ""),
    ("", "mota", "MOTA", ""),
)


def write_report(evaluation: Evaluation, path: str | Path) -> None:
    """Write the page; raises OutputError where that cannot be done."""
    try:
        Path(path).write_text(page(evaluation), "utf-8", "xmlcharrefreplace")
    except OSError as error:
        raise OutputError(f"cannot write the report {path}: {error.strerror}") from error


def page(evaluation: Evaluation) -> str:
    """The whole page as text."""
    clip = escape(evaluation.scores.clip)
    trust = evaluation.reliability
    parts = [
        f"<h1>{clip}</h1>",
        f'<p class="note">{evaluation.scores.frames} annotated frames. What the truth says nothing'
        " of is left out.</p>",
        "<h2>Figures</h2>",
        _figures(evaluation),
        "<h2>Who was taken for whom</h2>",
        _confusion(evaluation.confusion),
        *_faces(evaluation.faces, evaluation.names),
        *_worth(evaluation.worth),
        *_map(evaluation.map),
        "<h2>How far confidence can be trusted</h2>",
        _reliability(trust),
        "<h2>How the dictionary grew</h2>",
        _growth(evaluation.growth),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
        " style-src 'unsafe-inline'; img-src data:\">"
        f"<title>{clip}: caststream evaluation</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _figures(evaluation: Evaluation) -> str:
    values = evaluation.figures()
    rows, group = [], ""
    for heading, key, label, meaning in _FIGURES:
        group = heading or group
        value = values.get(key)
        if value is not None:
            text = f"{value:d}" if isinstance(value, int) else f"{value:.3f}"
            rows.append(
                f'<tr><th>{group}</th><td>{label}</td><td class="n">{text}</td>'
                f'<td class="note">{meaning}</td></tr>'
            )
            group = ""
    return "<table>" + "".join(rows) + "</table>"


def _confusion(table: Confusion) -> str:
    if not table.truth:
        return '<p class="note">The truth lists no boxes.</p>'
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.called)
    rows = []
    for name, counts in zip(table.truth, table.counts, strict=True):
        total = max(sum(counts), 1)
        cells = "".join(f'<td style="--share:{n / total:.3f}">{n or ""}</td>' for n in counts)
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    return (
        '<div class="wide"><table class="confusion"><caption>Boxes. Rows: who it is. Columns: what'
        " it is called once every found character is named by majority.</caption>"
        f"<tr><th></th>{head}</tr>{''.join(rows)}</table></div>"
    )


def _faces(found: Sequence[Faces], names: Mapping[str, str]) -> list[str]:
    if not found:
        return []
    rows = []
    for one in found:
        alt = escape(one.character)
        pictures = "".join(
            f'<img alt="{alt}" src="data:image/jpeg;base64,{b64encode(crop).decode()}">'
            for crop in one.crops
        )
        rows.append(
            f'<tr><th scope="row">{escape(one.character)}</th>'
            f"<td>{escape(names.get(one.character, ''))}</td>"
            f'<td class="n">{one.boxes}</td><td>{pictures}</td></tr>'
        )
    head = "<tr><th>id</th><th>by majority</th><th>boxes</th><th>longest tracks</th></tr>"
    table = f'<div class="wide"><table>{head}{"".join(rows)}</table></div>'
    return ["<h2>Found characters</h2>", table]


def _worth(table: Sequence[Worth]) -> list[str]:
    if not table:
        return []
    rows = "".join(
        f'<tr><td class="n">{w.examples}</td><td class="n">{w.vanilla:.3f}</td>'
        f'<td class="n">{w.tuned:.3f}</td><td class="n">{w.tuned - w.vanilla:+.3f}</td></tr>'
        for w in table
    )
    return [
        "<h2>What tuning is worth</h2>",
        "<p>Without examples: B-cubed F1 of a grouping made anew. With examples: share of the other"
        " boxes that the nearest of that many tracks a character names rightly.</p>",
        "<table><tr><th>examples</th><th>as shipped</th><th>in force</th><th></th></tr>"
        f"{rows}</table>",
    ]


def _map(dots: Sequence[Dot]) -> list[str]:
    if not dots:
        return []
    counts = Counter(d.truth for d in dots if d.truth is not None)
    listed = [name for name, _ in counts.most_common(len(_COLORS))]
    color = dict(zip(listed, _COLORS, strict=False))
    chart = _Chart("Tracks by their looks (t-SNE)", "", "", 1, 1)
    for d in sorted(dots, key=lambda d: d.truth is not None):
        shade = color.get(d.truth or "", "#8a8a84")
        chart.dot(d.x, d.y, 4, f"track {d.track}: {d.truth or 'not in the truth'}", shade)
    keys = [(name, color[name]) for name in listed]
    return ["<h2>Who looks like whom</h2>", chart.drawn(), _keys(keys)]


def _keys(entries: Sequence[tuple[str, str]]) -> str:
    items = "".join(
        f'<li style="display:inline-block;margin-right:1rem"><span style="color:{color}">'
        f"&#9679;</span> {escape(name)}</li>"
        for name, color in entries
    )
    return f'<ul style="padding:0">{items}</ul>'


def _reliability(trust: Reliability) -> str:
    if trust.error is None:
        return '<p class="note">No track record with a character covers a true box.</p>'
    chart = _Chart("Confidence against the share that was right", "confidence", "right", 1, 1)
    chart.line([(0, 0), (1, 1)], "ideal")
    most = int(trust.count.max())
    for sure, right, count in zip(
        trust.confidence.tolist(), trust.right.tolist(), trust.count.tolist(), strict=True
    ):
        if count:
            radius = 3 + 9 * (count / most) ** 0.5
            told = f"confidence {sure:.2f}, right {right:.2f}, {count} boxes"
            chart.dot(sure, right, radius, told)
    return (
        f"<p>Calibration error {trust.error:.3f} over {int(trust.count.sum())} boxes. On the"
        " dashed line, confidence says what it means; larger dots hold more boxes.</p>"
        + chart.drawn()
    )


def _growth(growth: Sequence[Growth]) -> str:
    if not growth:
        return '<p class="note">The label stream holds no dictionary.</p>'
    end = max(g.time for g in growth)
    last = growth[-1]
    top = sorted(last.seconds, key=lambda c: (-last.seconds[c], c))[:CURVES]
    count = _Chart(
        "Characters in the dictionary", "seconds", "", end, max(len(g.seconds) for g in growth)
    )
    count.line([(g.time, len(g.seconds)) for g in growth], color=_COLORS[0])
    screen = _Chart(
        "Screen time",
        "seconds",
        "",
        end,
        max((g.seconds.get(c, 0) for g in growth for c in top), default=0),
    )
    keys = []
    for character, color in zip(top, _COLORS, strict=False):
        screen.line([(g.time, g.seconds.get(character, 0)) for g in growth], color=color)
        keys.append((f"{character} {last.names.get(character, '')}".strip(), color))
    return (
        f"<p>{len(growth)} revisions; {len(last.seconds)} characters in the last one,"
        f" {len(last.names)} of them named.</p>{count.drawn()}{screen.drawn()}{_keys(keys)}"
    )


class _Chart:
    """One SVG picture with axes from 0."""

    def __init__(self, title: str, across: str, up: str, most_x: float, most_y: float) -> None:
        self._most = (max(most_x, 1e-9), max(most_y, 1e-9))
        self._parts = [
            f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>',
            f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{escape(across)}</text>',
            f'<text x="{LEFT + 6}" y="{TOP + 8}">{escape(up or title)}</text>',
        ]
        self._title = escape(title)
        for step in range(5):
            x, y = self._at(self._most[0] * step / 4, self._most[1] * step / 4)
            across_text, up_text = (f"{m * step / 4:.3g}" for m in self._most)
            self._parts.append(
                f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">'
                f"{across_text}</text>"
                f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{up_text}</text>'
            )

    def _at(self, x: float, y: float) -> tuple[float, float]:
        across, up = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        return LEFT + across * x / self._most[0], HEIGHT - BOTTOM - up * y / self._most[1]

    def line(self, points: Sequence[tuple[float, float]], kind: str = "", color: str = "") -> None:
        """Join points (x, y) in the chart's own units."""
        places = " ".join("{:.1f},{:.1f}".format(*self._at(x, y)) for x, y in points)
        look = f'class="{kind}"' if kind else f'stroke="{color}" stroke-width="2"'
        self._parts.append(f'<polyline fill="none" {look} points="{places}"/>')

    def dot(self, x: float, y: float, radius: float, told: str, color: str = _COLORS[0]) -> None:
        """A dot that tells its figures when pointed at."""
        across, up = self._at(x, y)
        self._parts.append(
            f'<circle cx="{across:.1f}" cy="{up:.1f}" r="{radius:.1f}" fill="{color}"'
            f' fill-opacity=".75"><title>{escape(told)}</title></circle>'
        )

    def drawn(self) -> str:
        """As SVG."""
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img"'
            f' aria-label="{self._title}">{"".join(self._parts)}</svg>'
        )
