"""`mine`: finds in finished tracks the triplets that teach what tells characters apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from caststream import messages as m
from caststream.errors import UsageError
from caststream.graph.node import Node


class Mine(Node):
    """Takes triplets and pairs of different characters out of each shot.

    ``most`` is the greatest number of triplets of one shot (or window of a long one); ``seed``
    makes their choice repeatable.
    """

    def __init__(self, most: int = 512, seed: int = 0) -> None:
        if most < 0:
            raise UsageError(f"mine: most has to be 0 at least, not {most}")
        if seed < 0:
            raise UsageError(f"mine: seed has to be 0 at least, not {seed}")
        self.most = most
        self.seed = seed
        self._random: np.random.Generator | None = None

    def open(self, context: m.Context) -> None:
        """Start the choice from the seed."""
        self._random = np.random.default_rng(self.seed)

    def process(self, message: m.Tracks) -> Iterator[m.Mined]:
        """Yield the tracks with what they teach, also where that is nothing."""
        from caststream.learning.triplets import TripletSettings, mine
        from caststream.vision.leads import leading

        assert self._random is not None, "open was not called"
        settings = TripletSettings(most=self.most)
        # A doubtful beginning teaches as little as a picture in which two shots are mixed.
        rows = message.rows
        rows = replace(rows, blend=rows.blend | leading(rows.score, rows.track))
        found = mine(rows, self._random, settings, message.still, message.shared)
        yield m.Mined(message, found.triplets, found.apart, found.evidence)
