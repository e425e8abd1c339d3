"""Every node that the map of the house names passes the checks that all nodes have to pass."""

from __future__ import annotations

import pytest
from node_checks import CHECKS, heavy_imports

from caststream.graph.spec import resolve
from caststream.nodes import NODES


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", NODES)
def test_conformance(kind, check):
    check(resolve(kind, NODES))


def test_importing_and_building_all_nodes_is_light():
    assert heavy_imports(NODES.values()) == set()
