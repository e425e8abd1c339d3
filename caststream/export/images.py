"""A folder of pictures a character, as training programs read them (torchvision's ImageFolder).

    OUT/Bunny/film_s0_t00012_f000345.jpg

Those that nobody knows are left out: a folder of them would be taken for a class.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from caststream.export.view import FilmView, ShotView, StoreView, file_name


def write(view: StoreView, folder: Path) -> None:
    """Write all crops that the store keeps; ``characters.json`` tells which folder is who."""
    folders = _folders(view.titles)
    counts = dict.fromkeys(folders.values(), 0)
    for film in view.films:
        for shot in film.shots():
            for name, count in _write_shot(view, film, shot, folders, folder).items():
                counts[name] += count
    titles = view.titles
    listed: dict[str, Any] = {}
    for character, name in folders.items():
        entry = listed.setdefault(name, {"title": titles[character], "characters": []})
        entry["characters"].append(f"c{character}")
        entry["pictures"] = counts[name]
    (folder / "characters.json").write_text(
        json.dumps(listed, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )


def _folders(titles: dict[int, str]) -> dict[int, str]:
    """A folder a title; titles that a file system cannot tell apart get a number."""
    taken: dict[str, str] = {}
    folders: dict[int, str] = {}
    for character, title in titles.items():
        name, number = file_name(title), 1
        while taken.setdefault(name.casefold(), title) != title:
            number += 1
            name = f"{file_name(title)} ({number})"
        folders[character] = name
    return folders


def _write_shot(
    view: StoreView, film: FilmView, shot: ShotView, folders: dict[int, str], folder: Path
) -> dict[str, int]:
    written: dict[str, int] = {}
    known = [a for a in shot.appearances if a.character is not None]
    rows = [a.first_row + i for a in known for i in range(len(a.frame))]
    crops = iter(view.crops(rows))
    for one in known:
        assert one.character is not None
        name = folders[one.character]
        for frame in one.frame.tolist():
            crop = next(crops)
            if not crop:
                continue
            (folder / name).mkdir(exist_ok=True)
            path = folder / name / f"{film.stem[:80]}_s{film.id}_t{one.track:05d}_f{frame:06d}.jpg"
            path.write_bytes(crop)
            written[name] = written.get(name, 0) + 1
    return written
