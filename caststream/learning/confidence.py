"""How likely it is that somebody is who they look like: fitted by ``tools/fit_confidence.py``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from caststream.messages import F4

BIAS, STEEP, RIVAL = -2.20, 5.78, 3.79
"""Of the logistic function for tracks of the dictionary, fitted on drawn shows that nothing else
learns from, with characters that the dictionary does not hold among those that are looked at."""
NEW_BIAS, NEW_STEEP, NEW_AGREE = -2.81, 6.95, 1.35
"""The same for somebody who is compared with the dictionary."""
LEAD = 0.4
"""A greater lead says no more; also what a lonely character counts as having."""


def confidence(above: NDArray[np.floating], lead: NDArray[np.floating]) -> F4:
    """Chance in 0..1 that a track of the dictionary is who it goes by, of any shape.

    ``above`` is how far the similarity to its nearest relative lies above the cut, ``lead`` (at
    most ``LEAD``) how far ahead of that to anybody else.
    """
    return np.asarray(1 / (1 + np.exp(-(BIAS + STEEP * above + RIVAL * lead))), np.float32)


def recognised(above: float, agree: float) -> float:
    """Chance in 0..1 that somebody is the character that comes nearest.

    ``above`` is how far its similarity lies above the cut, ``agree`` the share of the nearest
    looks that are its own.
    """
    return float(1 / (1 + np.exp(-(NEW_BIAS + NEW_STEEP * above + NEW_AGREE * agree))))
