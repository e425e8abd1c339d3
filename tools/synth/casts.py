"""Casts of shows, and look-alikes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .colors import shifted
from .identities import Identity, make_identity
from .style import Style, make_style


def look_alike(identity: Identity, rng: np.random.Generator) -> Identity:
    """A twin: the same character with one to three things changed (never none)."""
    u = rng.uniform
    pool = (
        ("top", "bottom"),
        ("hair",),
        ("hat",),
        ("skin", "second"),
        ("glasses",),
        ("proportions",),
        ("extras",),
        ("pattern", "trim"),
        ("hair_kind", "fringe"),
        ("ears",),
        ("size",),
        ("marks", "beard"),
    )
    other = make_identity(int(rng.integers(1 << 62)), identity.style, identity.plan)
    changes: dict[str, object] = {}
    for index in rng.choice(len(pool), size=int(rng.integers(1, 4)), replace=False):
        for name in pool[int(index)]:
            if name == "proportions":
                for field in ("shoulder", "waist", "hip", "limb", "head_wide"):
                    changes[field] = getattr(identity, field) * float(u(0.8, 1.25))
            elif name == "size":
                head = identity.head * float(rng.choice([u(0.75, 0.88), u(1.12, 1.3)]))
                rest = (100 - head) / max(1.0, 100 - identity.head)
                if identity.plan in ("human", "critter", "robot", "monster"):
                    changes |= {
                        "head": head,
                        "torso": identity.torso * rest,
                        "legs": identity.legs * rest,
                        "neck": identity.neck * rest,
                    }
                changes["eye_size"] = identity.eye_size * float(u(0.8, 1.2))
            else:
                changes[name] = getattr(other, name)
    if rng.random() < 0.6 or all(getattr(identity, k) == v for k, v in changes.items()):
        name = str(rng.choice(["top", "skin", "hair", "trim"]))
        hue = float(rng.choice([-1, 1]) * u(0.12, 0.5))
        changes[name] = shifted(
            getattr(identity, name), hue, float(u(0.8, 1.3)), float(u(0.6, 1.3))
        )
    return replace(identity, seed=other.seed, **changes)  # type: ignore[arg-type]


def make_cast(
    show_seed: int, count: int, style: Style | None = None, alike: float = 0.3
) -> list[Identity]:
    """The characters of one show: one style, now and then with a look-alike among them."""
    rng = np.random.default_rng((show_seed, 5))
    style = style or make_style(rng)
    cast: list[Identity] = []
    while len(cast) < count:
        if cast and rng.random() < alike / 2:
            cast.append(look_alike(cast[int(rng.integers(len(cast)))], rng))
        else:
            cast.append(make_identity(int(rng.integers(1 << 62)), style))
    return cast
