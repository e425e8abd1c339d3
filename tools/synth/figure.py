"""Which body plan builds which character."""

from __future__ import annotations

from .animals import build_bird, build_fish, build_quadruped, build_worm
from .biped import build_biped
from .blobs import build_blob, build_octopus
from .identities import Identity
from .insects import build_insect
from .pen import Pen
from .pose import Pose
from .puppet import Figure

_PLANS = {
    "human": build_biped,
    "critter": build_biped,
    "robot": build_biped,
    "monster": build_biped,
    "quadruped": build_quadruped,
    "bird": build_bird,
    "fish": build_fish,
    "blob": build_blob,
    "object": build_blob,
    "ghost": build_blob,
    "worm": build_worm,
    "octopus": build_octopus,
    "insect": build_insect,
}


def make_figure(pen: Pen, who: Identity, pose: Pose) -> Figure:
    """The character in a pose, ready to be drawn."""
    figure = Figure(pen, who, pose)
    _PLANS[who.plan](figure)
    return figure
