from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from caststream.store.log import encode, scan

arrays = st.dictionaries(
    st.sampled_from(["rows", "times", "crops", "vectors"]),
    st.one_of(
        npst.arrays(np.int64, npst.array_shapes(max_dims=2, min_side=0, max_side=4)),
        npst.arrays(np.float16, npst.array_shapes(max_dims=2, max_side=4)),
        npst.arrays(np.uint8, st.integers(0, 40)),
    ),
)
records = st.lists(arrays, min_size=1, max_size=4)


@contextmanager
def log_of(data: bytes):
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        yield file.fileno()


def encoded(listed) -> list[bytes]:
    return [encode(number, {"n": number}, held) for number, held in enumerate(listed, 1)]


def same(record, held) -> None:
    assert {column.name for column in record.columns} == set(held)
    for name, array in held.items():
        back = record.read(name, 0, len(array))
        assert back.dtype == array.dtype and back.shape == array.shape
        assert back.tobytes() == array.tobytes()


@given(records)
def test_what_was_written_is_read_back(listed):
    with log_of(b"".join(encoded(listed))) as fd:
        found = list(scan(fd))
        assert [r.number for r in found] == list(range(1, len(listed) + 1))
        for record, held in zip(found, listed, strict=True):
            same(record, held)
            assert record.event == {"n": record.number}


@given(records, st.data())
def test_a_log_cut_anywhere_gives_its_whole_records(listed, data):
    parts = encoded(listed)
    whole = b"".join(parts)
    cut = data.draw(st.integers(0, len(whole)))
    ends = np.cumsum([len(part) for part in parts])
    with log_of(whole[:cut]) as fd:
        assert len(list(scan(fd))) == int((ends <= cut).sum())


@given(records, st.data())
def test_a_damaged_byte_ends_the_log_before_its_record(listed, data):
    parts = encoded(listed)
    whole = bytearray(b"".join(parts))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    ends = np.cumsum([len(part) for part in parts])
    with log_of(bytes(whole)) as fd:
        assert len(list(scan(fd))) == int((ends <= at).sum())


def test_a_part_of_an_array_is_read_alone():
    crops = np.arange(200, dtype=np.uint8)
    with log_of(encode(1, {}, {"crops": crops, "rows": np.ones((3, 4))})) as fd:
        (record,) = scan(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        assert (record.read("crops", 50, 60) == crops[50:60]).all()
        assert record.read("rows", 1, 3).shape == (2, 4)
