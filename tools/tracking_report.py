"""Writes the results of `bench_tracking` into docs/tracking.md, and draws their plot."""

from __future__ import annotations

from html import escape
from pathlib import Path

BEGIN, END = "<!-- results -->", "<!-- end of results -->"
OWN = "caststream"
COLUMNS = ("HOTA", "DetA", "AssA", "IDF1", "MOTA")


def write(results: dict, docs: Path) -> None:
    """Replace what stands between the two marks of docs/tracking.md; draw docs/tracking.svg."""
    page = docs / "tracking.md"
    head, _, rest = page.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    page.write_text(f"{head}{BEGIN}\n\n{tables(results)}\n{END}{tail}")
    (docs / "tracking.svg").write_text(plot(scenes(results)))


def scenes(results: dict) -> dict[str, dict[str, dict[str, float]]]:
    """Every scene that has scores: name -> tracker -> scores."""
    found = dict(results.get("a", {}))
    if "b" in results:
        found["drawn cartoons, 4 a second"] = results["b"]["drawn"]
        found["drawn cartoons with moving cameras, 4 a second"] = results["b"]["moving"]
    return found


def tables(results: dict) -> str:
    parts = []
    for scene, rows in scenes(results).items():
        lines = [f"### {scene}", "", "| | " + " | ".join(COLUMNS) + " |", "| --- |" + " --- |" * 5]
        for name, row in sorted(rows.items(), key=lambda x: -x[1]["HOTA"]):
            cells = " | ".join(f"{row[c]:.1f}" for c in COLUMNS)
            bold = "**" if name.startswith(OWN) else ""
            lines.append(f"| {bold}{name}{bold} | {cells} |")
        parts.append("\n".join(lines))
    if "b" in results:
        cuts = results["b"]["cuts"]
        parts.append(
            "### Ids that live on over a cut (drawn cartoons, nobody but us is told of cuts)\n\n"
            "| | cuts crossed | of |\n| --- | --- | --- |\n"
            + "\n".join(f"| {n} | {a} | {b} |" for n, (a, b) in cuts.items())
        )
        parts += [
            matrix("Camera's motion from one analysed picture to the next", results["b"]["camera"]),
            matrix("Triplets mined in the drawn cartoons", results["b"]["triplets"]),
        ]
    if "c" in results:
        frame = results["c"]["frame"]
        names = list(dict.fromkeys(n for row in frame.values() for n in row))
        lines = ["### Milliseconds a frame, by objects", "", "| | " + " | ".join(frame) + " |"]
        lines.append("| --- |" + " --- |" * len(frame))
        for n in names:
            cells = " | ".join(f"{row[n]:.3g}" if n in row else "" for row in frame.values())
            lines.append(f"| {n} | {cells} |")
        parts.append("\n".join(lines))
        parts.append(
            "### Milliseconds for refinement\n\n| | ms |\n| --- | --- |\n"
            + "\n".join(f"| {n} | {v:.3g} |" for n, v in results["c"]["refine"].items())
        )
    return "\n\n".join(parts) + "\n"


def matrix(title: str, rows: dict[str, dict[str, float]]) -> str:
    """A table with one line a key of ``rows``; all have the same columns."""
    columns = list(next(iter(rows.values())))
    lines = [f"### {title}", "", "| | " + " | ".join(columns) + " |"]
    lines.append("| --- |" + " --- |" * len(columns))
    for name, row in rows.items():
        lines.append(f"| {name} | " + " | ".join(str(row[c]) for c in columns) + " |")
    return "\n".join(lines)


def plot(found: dict[str, dict[str, dict[str, float]]]) -> str:
    """HOTA of every tracker in every scene, one line a scene, as SVG."""
    left, width, line = 310, 520, 26
    rows = {n: r for n, r in found.items() if "held out" not in n}
    low = 10 * int(min((x["HOTA"] for r in rows.values() for x in r.values()), default=0) // 10)

    def x(hota: float) -> float:
        return left + width * (hota - low) / (90 - low)

    height = 70 + line * len(rows)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 30}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for tick in range(low, 91, 10):
        out.append(
            f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="40" y2="{height - 26}" '
            'stroke="#ddd"/>'
            f'<text x="{x(tick):.1f}" y="{height - 10}" text-anchor="middle">{tick}</text>'
        )
    kinds = (("peers", "#999"), ("online", "#3b82c4"), ("refined", "#c4453b"))
    for k, (name, color) in enumerate(kinds):
        out.append(
            f'<circle cx="{left + 110 * k}" cy="20" r="5" fill="{color}"/>'
            f'<text x="{left + 10 + 110 * k}" y="24">{name}</text>'
        )
    out.append(f'<text x="{left + width}" y="24" text-anchor="end">HOTA</text>')
    for k, (scene, trackers) in enumerate(rows.items()):
        y = 40 + line * (k + 0.5)
        out.append(
            f'<text x="{left - 12}" y="{y + 4:.1f}" text-anchor="end">{escape(scene)}</text>'
        )
        # Peers first, so that they hide nothing of ours.
        for name, row in sorted(trackers.items(), key=lambda x: x[0].startswith(OWN)):
            if not name.startswith(OWN):
                spot = ("#999", 3)
            elif name == f"{OWN} online":
                spot = ("#3b82c4", 5)
            elif name == f"{OWN} refined":
                spot = ("#c4453b", 5)
            else:
                continue
            out.append(
                f'<circle cx="{x(row["HOTA"]):.1f}" cy="{y:.1f}" r="{spot[1]}" fill="{spot[0]}" '
                f'fill-opacity="0.8"><title>{escape(name)}: {row["HOTA"]:.1f}</title></circle>'
            )
    return "\n".join([*out, "</svg>"]) + "\n"
