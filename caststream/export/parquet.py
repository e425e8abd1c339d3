"""Every box as one row of a Parquet file."""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from caststream.export.tables import COLUMNS, columns, tracks
from caststream.export.view import StoreView

GROUP = 100_000
"""Rows that are written at a time, so that memory does not grow with the store."""


def write(view: StoreView, out: BinaryIO) -> None:
    """Write the columns of ``tables.COLUMNS``; strings that occur often take next to no room."""
    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in COLUMNS.items()])
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        held: dict[str, list[object]] = {name: [] for name in COLUMNS}
        for film, one in tracks(view):
            for name, values in columns(film, one).items():
                held[name] += values
            if len(held["frame"]) >= GROUP:
                writer.write_table(pa.table(held, schema))
                held = {name: [] for name in COLUMNS}
        writer.write_table(pa.table(held, schema))
