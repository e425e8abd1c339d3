"""The map of the house: every node, by the name that graph files use.

Another package adds nodes through the entry-point group ``caststream.nodes``::

    [project.entry-points."caststream.nodes"]
    blur = "my_package.nodes:Blur"
"""

from __future__ import annotations

import logging

_log = logging.getLogger(__name__)

ENTRY_POINTS = "caststream.nodes"

NODES = {
    "decode": "caststream.nodes.decode:Decode",
    "shots": "caststream.nodes.shots:Shots",
    "detect": "caststream.nodes.detect:Detect",
    "embed": "caststream.nodes.embed:Embed",
    "track": "caststream.nodes.track:Track",
    "mine": "caststream.nodes.mine:Mine",
    "save": "caststream.nodes.save:Save",
    "learn": "caststream.nodes.learn:Learn",
    "label": "caststream.nodes.label:Label",
    "print": "caststream.nodes.print:Print",
    "show": "caststream.nodes.show:Show",
    "video": "caststream.nodes.video:Video",
}
"""Name -> "module:Class", in the order of the stream; imported when a graph uses it."""


def catalogue() -> dict[str, str]:
    """Return our nodes and those of other installed packages; ours win where names collide."""
    # Looking through all installed packages is slow, and `--help` has to be fast.
    from importlib.metadata import entry_points

    found = dict(NODES)
    for point in entry_points(group=ENTRY_POINTS):
        if point.name in NODES:
            _log.warning('node "%s" of %s is ignored: the name is taken', point.name, point.value)
            continue
        found[point.name] = f"{point.module}:{point.attr}"
    return found
