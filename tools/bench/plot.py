"""Two kinds of plot as SVG, light enough to be kept beside the text."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

HUES = ("#2563eb", "#d97706", "#059669", "#9333ea")
_STYLE = "font-family='sans-serif' font-size='12' fill='#444'"


def _page(width: int, height: int, parts: list[str]) -> str:
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' {_STYLE}>"
    back = f"<rect width='{width}' height='{height}' fill='#fff'/>"
    return "\n".join([head, back, *parts, "</svg>"]) + "\n"


def bars(rows: Mapping[str, tuple[float, float]], names: tuple[str, str]) -> str:
    """Two bars a row, on one scale from nothing."""
    left, width, line = 190, 700, 34
    top = max(max(pair) for pair in rows.values())
    parts = [_key(names, left)]
    for i, (name, pair) in enumerate(rows.items()):
        y = 30 + i * line
        parts.append(f"<text x='{left - 8}' y='{y + 16}' text-anchor='end'>{escape(name)}</text>")
        for k, value in enumerate(pair):
            long = (width - left - 60) * value / top
            y_bar = y + 13 * k
            parts.append(
                f"<rect x='{left}' y='{y_bar}' width='{long:.1f}' height='11' fill='{HUES[k]}'/>"
                f"<text x='{left + long + 5:.1f}' y='{y_bar + 10}'>{value:.1f}</text>"
            )
    return _page(width, 40 + line * len(rows), parts)


def curves(series: Mapping[str, Mapping[int, float]], across: str, up: str) -> str:
    """Lines over logarithmic axes."""
    left, right, top, bottom = 60, 680, 40, 300
    xs = [x for points in series.values() for x in points]
    ys = [y for points in series.values() for y in points.values()]
    x_low, x_high = np.log10(min(xs)), np.log10(max(xs))
    y_low, y_high = np.floor(np.log10(min(ys))), np.ceil(np.log10(max(ys)))

    def place(x: float, y: float) -> str:
        across_part = (np.log10(x) - x_low) / max(x_high - x_low, 1e-9)
        up_part = (np.log10(y) - y_low) / max(y_high - y_low, 1e-9)
        return f"{left + across_part * (right - left):.1f},{bottom - up_part * (bottom - top):.1f}"

    parts = [_key(tuple(series), left)]
    for power in range(int(y_low), int(y_high) + 1):
        x, y = place(min(xs), 10.0**power).split(",")
        parts.append(f"<line x1='{x}' x2='{right}' y1='{y}' y2='{y}' stroke='#ddd'/>")
        parts.append(f"<text x='{left - 6}' y='{y}' text-anchor='end'>{10.0**power:g}</text>")
    for count in sorted(set(xs)):
        x = place(count, 10.0**y_low).split(",")[0]
        parts.append(f"<text x='{x}' y='{bottom + 16}' text-anchor='middle'>{count:,}</text>")
    for hue, points in zip(HUES, series.values(), strict=False):
        line = " ".join(place(x, y) for x, y in sorted(points.items()))
        parts.append(f"<polyline points='{line}' fill='none' stroke='{hue}' stroke-width='2'/>")
    parts.append(f"<text x='{right}' y='{bottom + 34}' text-anchor='end'>{escape(across)}</text>")
    parts.append(f"<text x='6' y='{top - 4}'>{escape(up)}</text>")
    return _page(right + 20, bottom + 44, parts)


def _key(names: tuple[str, ...], left: int) -> str:
    parts, x = [], left
    for hue, name in zip(HUES, names, strict=False):
        parts.append(f"<rect x='{x}' y='8' width='10' height='10' fill='{hue}'/>")
        parts.append(f"<text x='{x + 14}' y='17'>{escape(name)}</text>")
        x += 30 + 7 * len(name)
    return "".join(parts)
