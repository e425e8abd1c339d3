"""How likely it is that the nearest character is the right one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from caststream.messages import F4

BIAS, STEEP, RIVAL = -2.20, 5.78, 3.79
"""Of the logistic function, fitted by ``tools/fit_confidence.py`` on drawn shows that nothing else
learns from, with characters that the dictionary does not hold among those that are looked at."""
LEAD = 0.4
"""A greater lead says no more; also what a lonely character counts as having."""


def confidence(above: NDArray[np.floating], lead: NDArray[np.floating]) -> F4:
    """Chance in 0..1 that somebody is the nearest character, of any shape.

    ``above`` is how far its similarity lies above the cut, ``lead`` (at most ``LEAD``) how far
    ahead of the next character's.
    """
    return np.asarray(1 / (1 + np.exp(-(BIAS + STEEP * above + RIVAL * lead))), np.float32)
