"""Sheets of what an embedder gets wrong: nearest wrong neighbours, and clusters that are mixed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tools.embedder_data import Crops
from tools.embedder_score import default_groups

U1 = NDArray[np.uint8]
F4 = NDArray[np.float32]
SIDE = 96
WORST = 50
ACROSS = 5
MEMBERS = 14
APART = 24
"""Boxes this near in frames are no neighbours: the same drawing again."""
RIGHT, WRONG = (40, 160, 60), (200, 40, 40)


def wrong_neighbours(sets: Sequence[tuple[Crops, F4]], out: Path) -> None:
    """The ``WORST`` boxes by how much nearer a wrong box is than the nearest right one.

    Each is shown with its nearest right box (framed green) and its nearest wrong one (red).
    """
    found: list[tuple[float, U1, U1, U1]] = []
    for crops, vectors in sets:
        likeness = vectors @ vectors.T
        far = np.abs(crops.frame[:, None] - crops.frame[None]) >= APART
        same = crops.who[:, None] == crops.who[None]
        right = np.where(same & far, likeness, -9.0)
        wrong = np.where(~same, likeness, -9.0)
        for k in np.flatnonzero(right.max(1) > -9):
            near, astray = int(right[k].argmax()), int(wrong[k].argmax())
            margin = float(wrong[k, astray] - right[k, near])
            if margin > 0:
                found.append((margin, *(crops.pixels[i] for i in (int(k), near, astray))))
    found.sort(key=lambda row: -row[0])
    cells = [
        np.concatenate([_cell(one), _cell(near, RIGHT), _cell(astray, WRONG)], 1)
        for _, one, near, astray in found[:WORST]
    ]
    _save([cells[k : k + ACROSS] for k in range(0, len(cells), ACROSS)], out)


def mixed_clusters(sets: Sequence[tuple[Crops, F4]], out: Path) -> None:
    """The program's clusters that hold most boxes of others than their main character.

    A row a cluster: up to half of the row its main character, then the others (framed red).
    """
    found: list[tuple[int, list[U1]]] = []
    for crops, vectors in sets:
        groups = default_groups(vectors, crops.frame)
        for group in np.unique(groups):
            members = np.flatnonzero(groups == group)
            main = np.bincount(crops.who[members]).argmax()
            mine = members[crops.who[members] == main]
            others = members[crops.who[members] != main]
            if len(others):
                row = [_cell(crops.pixels[k], RIGHT) for k in _spread(mine, MEMBERS // 2)]
                row += [_cell(crops.pixels[k], WRONG) for k in _spread(others, MEMBERS // 2)]
                found.append((len(others), row))
    found.sort(key=lambda row: -row[0])
    _save([row for _, row in found[: WORST // 2]], out)


def _spread(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int))]


def _cell(crop: U1, frame: tuple[int, int, int] | None = None) -> U1:
    image = Image.fromarray(crop).resize((SIDE, SIDE))
    if frame:
        ImageDraw.Draw(image).rectangle((0, 0, SIDE - 1, SIDE - 1), outline=frame, width=3)
    return np.asarray(image, np.uint8)


def _save(rows: list[list[U1]], out: Path) -> None:
    if not rows:
        return
    width = max(sum(cell.shape[1] + 4 for cell in row) for row in rows)
    sheet = np.full((len(rows) * (SIDE + 4), width, 3), 255, np.uint8)
    for y, row in enumerate(rows):
        x = 0
        for cell in row:
            sheet[y * (SIDE + 4) : y * (SIDE + 4) + SIDE, x : x + cell.shape[1]] = cell
            x += cell.shape[1] + 4
    out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(out)
