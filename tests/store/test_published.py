from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from caststream.errors import StoreError
from caststream.store import published
from caststream.store.published import KEEP, Published
from caststream.store.writer import StoreWriter


@pytest.fixture
def path(tmp_path):
    StoreWriter.open(tmp_path / "s").close()
    return tmp_path / "s"


def some(seed: int, **changes) -> Published:
    random = np.random.default_rng(seed)
    values = {
        "revision": seed,
        "head": {"weight": random.normal(size=(4, 3)).astype(np.float32), "bias": np.zeros(4)},
        "prototypes": random.normal(size=(5, 256)).astype(np.float32),
        "prototype_character": np.arange(5),
        "prototype_weight": random.random(5).astype(np.float32),
        "label_uid": np.arange(7) << 32,
        "label_character": np.array([-1, 0, 1, 2, 3, 4, 4]),
        "label_confidence": random.random(7).astype(np.float32),
        "extra": {"micro_sums": random.normal(size=(3, 4))},
        "characters": ({"id": 0, "name": "Ünï \u202e", "aliases": [4]},),
        "thresholds": {"cut": 0.25},
        "meta": {"commit": seed},
    }
    return Published(**{**values, **changes})


def same(one: Published, other: Published) -> None:
    for name in Published.__slots__:
        a, b = getattr(one, name), getattr(other, name)
        if name == "number":
            continue
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype and (a == b).all(), name
        elif name in ("head", "extra"):
            assert a.keys() == b.keys()
            assert all((a[k] == b[k]).all() and a[k].dtype == b[k].dtype for k in a)
        else:
            assert a == b, name


def test_what_is_published_comes_back(path):
    assert published.current(path) is None and published.current_number(path) == 0
    assert published.publish(path, some(1)) == 1
    assert published.publish(path, Published()) == 2
    same(published.load(path, 1), some(1))
    same(published.current(path), Published())
    assert published.current(path).number == 2


def test_an_array_that_is_not_contiguous(path):
    vectors = np.arange(512 * 3, dtype=np.float32).reshape(256, 6).T
    published.publish(path, Published(prototypes=vectors))
    assert (published.current(path).prototypes == vectors).all()


def test_rollback_and_the_next_number(path):
    for seed in (1, 2, 3):
        published.publish(path, some(seed))
    published.rollback(path, 2)
    assert published.current(path).revision == 2
    assert published.publish(path, some(4)) == 4
    assert published.versions(path) == [1, 2, 3, 4]
    with pytest.raises(StoreError, match=r"does not hold model 9: it holds 1, 2, 3, 4"):
        published.rollback(path, 9)
    assert published.current_number(path) == 4


def test_only_the_last_ones_keep_their_arrays(path):
    for seed in range(KEEP + 2):
        published.publish(path, some(seed))
    assert published.versions(path) == list(range(3, KEEP + 3))
    with pytest.raises(StoreError, match="does not hold model 1"):
        published.load(path, 1)
    assert json.loads((path / "models/000001/meta.json").read_text())["thresholds"] == {"cut": 0.25}


def test_a_stream_of_weeks_does_not_keep_all_meta_data(path, monkeypatch):
    monkeypatch.setattr(published, "KEEP_META", KEEP + 1)
    for seed in range(KEEP + 4):
        published.publish(path, some(seed, meta={"vectors": 9 if seed == 1 else 2, "highest": 7}))
    folders = sorted(f.name for f in (path / "models").iterdir() if f.is_dir())
    assert folders == [f"{n:06d}" for n in range(4, KEEP + 5)]
    assert published.highest_character(path) == 7
    assert published.highest_head(path) == 9


def test_one_that_was_cut_short_before_it_went_live(path):
    """Renamed, not yet named by CURRENT: the one before is in force, its number is not reused."""
    published.publish(path, some(1))
    published.publish(path, some(2))
    (path / "models" / "CURRENT").write_text("1\n")
    assert published.current(path).revision == 1
    assert published.publish(path, some(3)) == 3


def test_the_head_is_read_only_where_it_changed(path):
    assert published.current_head(path, 0) is None
    published.publish(path, some(1))
    assert published.current_head(path, 0) is None
    number = published.publish(path, some(2, meta={"vectors": None}))
    assert published.load(path, number).meta["vectors"] == number == 2
    known, head = published.current_head(path, 0)
    assert known == 2 and (head["weight"] == some(2).head["weight"]).all()
    published.publish(path, some(3, meta={"vectors": 2}))
    assert published.current_head(path, 2) is None
    published.rollback(path, 1)
    assert published.current_head(path, 2)[0] == 0


def test_damage_is_said(path):
    published.publish(path, some(1))
    file = path / "models/000001/arrays.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(StoreError, match=r"damaged .*roll back"):
        published.current(path)
    (path / "models" / "CURRENT").write_text("one")
    with pytest.raises(StoreError, match="CURRENT is damaged"):
        published.current(path)


def test_many_publish_at_once(path):
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda seed: published.publish(path, some(seed)), range(8)))
    assert sorted(numbers) == list(range(1, 9))
    assert published.current_number(path) == 8


def test_ids_that_went_with_a_rollback_still_count(path):
    published.publish(path, some(1, characters=({"id": 3, "aliases": [7]},)))
    assert published.highest_character(path) == 7
    published.publish(path, some(2, characters=({"id": 3, "aliases": []},), meta={"highest": 7}))
    assert published.highest_character(path) == 7


@pytest.mark.parametrize("damage", ["{", "[]", '{"number": 2}'])
def test_ids_of_a_version_whose_words_are_damaged_still_count(path, damage):
    published.publish(path, some(1, meta={"highest": 2}))
    published.publish(path, some(2, label_character=np.array([-1, 0, 1, 2, 3, 4, 9])))
    file = path / "models/000002/meta.json"
    file.write_text(damage)
    assert published.highest_character(path) == 9
    with pytest.raises(StoreError, match=r"damaged .*roll back"):
        published.current(path)
    (file.parent / "arrays.safetensors").write_bytes(b"")
    assert published.highest_character(path) == 4


def test_heads_that_went_with_a_rollback_still_count(path):
    assert published.highest_head(path) == 0
    for vectors in (0, None, 2):  # None: of that version, the second
        published.publish(path, some(1, meta={"vectors": vectors}))
    published.publish(path, some(1, meta={"vectors": 5}))
    published.rollback(path, 1)
    published.publish(path, some(1, meta={"vectors": 0}))
    assert published.highest_head(path) == 5
    (path / "models/000005/meta.json").write_text("{")
    assert published.highest_head(path) == 5
