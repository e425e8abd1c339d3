"""Boxes by picture, in the form of COCO (https://cocodataset.org/#format-data), with tracks.

The store holds no whole pictures. ``file_name`` is ``FILM/000123.jpg`` with the frame's number
from 0; docs/commands/export.md tells how to write those files with FFmpeg. Videos and track ids
are those of the extension that video data sets use (COCO-VID, TAO).
"""

from __future__ import annotations

import json
from typing import Any, TextIO

from caststream.export.view import UNKNOWN, FilmView, StoreView


def write(view: StoreView, out: TextIO) -> None:
    """Write one JSON object; a category a title, the last one for whoever is not known."""
    titles = sorted(set(view.titles.values()))
    category = {title: number for number, title in enumerate([*titles, UNKNOWN], 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    instances: dict[tuple[int, int], int] = {}
    for film, stem in zip(view.films, view.stems, strict=True):
        ids = _images(film, stem, images)
        for shot in film.shots():
            for one in shot.appearances:
                instance = instances.setdefault((film.id, one.track), len(instances) + 1)
                for frame, box, score in zip(
                    one.frame.tolist(), one.box.tolist(), one.box_score.tolist(), strict=True
                ):
                    x, y = round(box[0], 2), round(box[1], 2)
                    width, height = round(box[2] - x, 2), round(box[3] - y, 2)
                    annotations.append(
                        {
                            "id": len(annotations) + 1,
                            "image_id": ids[frame],
                            "video_id": film.id,
                            "category_id": category[one.title or UNKNOWN],
                            "bbox": [x, y, width, height],
                            "area": round(width * height, 2),
                            "iscrowd": 0,
                            "score": round(score, 3),
                            "instance_id": instance,
                            "track_id": one.track,
                            "character": one.id,
                            "confidence": round(one.confidence, 3),
                        }
                    )
    json.dump(
        {
            "info": {"description": f"caststream export of {view.path.name}"},
            "licenses": [],
            "videos": [
                {"id": f.id, "name": f.uri, "width": f.width, "height": f.height}
                for f in view.films
            ],
            "images": images,
            "annotations": annotations,
            "categories": [
                {"id": number, "name": title, "supercategory": "character"}
                for title, number in category.items()
            ],
        },
        out,
        ensure_ascii=False,
        allow_nan=False,
    )
    out.write("\n")


def _images(film: FilmView, stem: str, images: list[dict[str, Any]]) -> dict[int, int]:
    """Append every analysed frame of a film; returns frame -> id."""
    ids: dict[int, int] = {}
    for frame, time in film.analysed():
        ids[frame] = len(images) + 1
        images.append(
            {
                "id": ids[frame],
                "video_id": film.id,
                "file_name": f"{stem}/{frame:06d}.jpg",
                "width": film.width,
                "height": film.height,
                "frame_id": frame,
                "time": round(time, 3),
            }
        )
    return ids
