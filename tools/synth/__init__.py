"""Drawn cartoons with exact truth: stills for detectors, crops for embedders, episodes for all."""

from __future__ import annotations

from .casts import look_alike, make_cast
from .crops import sample_crop
from .identities import Identity, make_identity
from .pictures import sample_picture
from .style import FAMILIES, Style, make_style

__all__ = [
    "FAMILIES",
    "Identity",
    "Style",
    "look_alike",
    "make_cast",
    "make_identity",
    "make_style",
    "sample_crop",
    "sample_picture",
]
