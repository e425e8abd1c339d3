"""Graph files: what loads, and what each mistake is answered with."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Never

import pytest
from toys import Keep, OnlyShots, Say, Speak, Through

from caststream.errors import GraphError
from caststream.graph.describe import describe, describe_nodes
from caststream.graph.node import Node
from caststream.graph.spec import (
    Graph,
    Step,
    build_graph,
    find_graph,
    load_graph,
    parse_override,
    shipped_graphs,
)
from caststream.messages import Frame
from caststream.nodes import NODES, catalogue


class Blur(Node):
    """Blur every picture.

    More about it.
    """

    def __init__(
        self,
        radius: float = 2.0,
        passes: int = 1,
        mode: Literal["box", "gauss"] = "box",
        tag: str | None = None,
        sizes: tuple[int, ...] = (3, 5),
        weights: Sequence[float] = (),
        log: Path = Path("blur.log"),
        wrap: bool = False,
    ) -> None:
        if radius <= 0:
            raise ValueError(f"radius = {radius} has to be more than 0")
        self.given = (radius, passes, mode, tag, sizes, weights, log, wrap)

    def process(self, message: Frame) -> Iterator[Frame]:
        yield message


class Needy(Blur):
    """Wants to be told something."""

    def __init__(self, what: str) -> None:
        self.what = what


class Draw(Node):
    """Show it."""

    def process(self, message: Frame) -> Iterator[Never]:
        return iter(())


TOYS = {
    "say": Say,
    "blur": Blur,
    "needy": Needy,
    "draw": Draw,
    "speak": Speak,
    "only": OnlyShots,
    "through": "toys:Through",
    "keep": Keep,
    "lost": "toys:Nothing",
    "wrong": "toys:frame",
}

FILE = """
[say]

[soft]
node = "blur"
radius = 3
queue = 4
when_full = "drop"

[draw]

[aside]
from = "say"
node = "draw"
"""


def build(text: str, *overrides: str) -> Graph:
    import tomllib

    return build_graph("toy", tomllib.loads(text), TOYS, overrides)


def refusal(text: str, *overrides: str) -> str:
    with pytest.raises(GraphError) as caught:
        build(text, *overrides)
    return str(caught.value)


def test_a_file_becomes_a_tree(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(FILE)
    graph = load_graph(str(path), TOYS)
    assert graph == Graph(
        "mine",
        (
            Step("say", Say),
            Step("soft", Blur, {"radius": 3.0}, "say", 4, "drop"),
            Step("draw", Draw, {}, "soft"),
            Step("aside", Draw, {}, "say"),
        ),
    )
    assert type(graph.steps[1].arguments["radius"]) is float
    assert [step.name for step in graph.children("say")] == ["soft", "aside"]
    assert pickle.loads(pickle.dumps(graph)) == graph


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("radius = 4", "radius", 4.0),
        ("passes = 2", "passes", 2),
        ('mode = "gauss"', "mode", "gauss"),
        ('tag = "x"', "tag", "x"),
        ("sizes = [1, 2]", "sizes", (1, 2)),
        ("weights = [1, 0.5]", "weights", (1.0, 0.5)),
        ('log = "a/b"', "log", Path("a/b")),
        ("wrap = true", "wrap", True),
    ],
)
def test_toml_values_become_what_the_annotation_says(text, key, value):
    found = build(f"[say]\n[blur]\n{text}").steps[1].arguments[key]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("blur.radius=4", "radius", 4.0),
        ("blur.radius = 4.5", "radius", 4.5),
        ("blur.mode=gauss", "mode", "gauss"),
        ('blur.mode="gauss"', "mode", "gauss"),
        ("blur.tag=12", "tag", "12"),
        ("blur.tag=a=b", "tag", "a=b"),
        ("blur.tag=2024-01-01", "tag", "2024-01-01"),
        ("blur.tag=1\nwrap = true", "tag", "1\nwrap = true"),
        ("blur.sizes=[7]", "sizes", (7,)),
        ("blur.wrap=true", "wrap", True),
        ("blur.log=/tmp/x", "log", Path("/tmp/x")),
    ],
)
def test_settings_override_the_file(setting, key, value):
    graph = build("[say]\n[blur]\nradius = 1.0", setting)
    assert graph.steps[1].arguments == {"radius": 1.0, key: value}


def test_settings_reach_the_runner_and_the_last_one_wins():
    graph = build(FILE, "soft.queue=0", "soft.when_full=wait", "soft.passes=2", "soft.passes=3")
    assert graph.steps[1].queue == 0
    assert graph.steps[1].when_full == "wait"
    assert graph.steps[1].arguments["passes"] == 3


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", "the graph has no nodes"),
        ("rate = 3", '"rate" stands outside of every node; give each node a [table]'),
        ('["a.b"]', '"a.b" is no name for a node; use letters, digits, "_" and "-"'),
        ("[blurr]", 'there is no node "blurr"; did you mean "blur"?'),
        ("[blur]", 'the first node must be a source, and "blur" is none'),
        ("[say]\nqueue = 3", 'the source "say" has neither a parent nor a queue'),
        ("[say]\n[x]\nnode='say'", '"x" is a source; only the first node of a graph is one'),
        (
            "[say]\n[blur]\nradus = 3",
            'node "blur": no argument "radus"; did you mean "radius"?',
        ),
        (
            "[say]\n[blur]\nquee = 3",
            'node "blur": no argument "quee"; did you mean "queue"?',
        ),
        ("[say]\n[blur]\nradius = 'x'", 'node "blur": radius = "x" is not float'),
        ("[say]\n[blur]\nradius = true", 'node "blur": radius = true is not float'),
        ("[say]\n[blur]\npasses = 1.5", 'node "blur": passes = 1.5 is not int'),
        ("[say]\n[blur]\nwrap = 1", 'node "blur": wrap = 1 is not bool'),
        (
            "[say]\n[blur]\nmode = 'gaus'",
            'node "blur": mode = "gaus" is not "box" | "gauss"; did you mean "gauss"?',
        ),
        ("[say]\n[blur]\nsizes = ['a']", 'node "blur": sizes = ["a"] is not tuple[int, ...]'),
        ("[say]\n[blur]\nradius = -1.0", 'node "blur": radius = -1.0 has to be more than 0'),
        ("[say]\n[blur]\nqueue = -1", 'node "blur": queue = -1 is less than 0'),
        ("[say]\n[blur]\nqueue = '8'", 'node "blur": queue = "8" is not int'),
        (
            "[say]\n[blur]\nqueue = 1\nwhen_full = 'drops'",
            'node "blur": when_full = "drops" is not "wait" | "drop"; did you mean "drop"?',
        ),
        (
            "[say]\n[blur]\nwhen_full = 'drop'",
            'node "blur": when_full = "drop" needs a queue',
        ),
        ("[say]\n[needy]", 'node "needy": argument "what" must be given'),
        (
            "[say]\n[blur]\n[draw]\nfrom = 'blurr'",
            'node "draw": from = "blurr" names no node above; did you mean "blur"?',
        ),
        (
            "[say]\n[draw]\nfrom = 'blur'\n[blur]",
            'node "draw": from = "blur" names no node above; '
            "a node stands after the one that feeds it",
        ),
        (
            "[say]\n[only]",
            '"only" cannot follow "say": it takes ShotFrame, and "say" makes Frame or Marker',
        ),
        (
            "[say]\n[speak]\n[blur]",
            '"blur" cannot follow "speak": it takes Frame, and "speak" makes Word',
        ),
        (
            "[say]\n[draw]\n[blur]",
            '"blur" cannot follow "draw": it takes Frame, and "draw" makes nothing',
        ),
        (
            "[say]\n[lost]",
            'node "lost" (toys:Nothing) cannot be imported: '
            "module 'toys' has no attribute 'Nothing'",
        ),
    ],
)
def test_each_mistake_is_answered(text, answer):
    assert refusal(text) == answer


def test_what_is_no_node_is_refused():
    assert refusal("[say]\n[wrong]").endswith("is not a class of nodes")


@pytest.mark.parametrize(
    ("setting", "answer"),
    [
        ("radius=3", 'cannot read the setting "radius=3"; write it as node.argument=value'),
        ("blur.radius", 'cannot read the setting "blur.radius"; write it as node.argument=value'),
        ("blr.radius=3", 'no node "blr" to set radius of; did you mean "blur"?'),
        ("blur.radios=3", 'node "blur": no argument "radios"; did you mean "radius"?'),
        ("blur.radius=fast", 'node "blur": radius = "fast" is not float'),
        ("blur.queue=many", 'node "blur": queue = "many" is not int'),
    ],
)
def test_each_mistake_in_a_setting_is_answered(setting, answer):
    assert refusal("[say]\n[blur]", setting) == answer


def test_a_setting_keeps_equal_signs_and_dots_of_its_value():
    assert parse_override("a.b=c.d=e") == ("a", "b", "c.d=e")


def test_files_that_are_none(tmp_path):
    (tmp_path / "bad.toml").write_text("[say")
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GraphError, match=r"bad\.toml is not TOML: "):
        load_graph(str(tmp_path / "bad.toml"), TOYS)
    with pytest.raises(GraphError, match=r"odd\.toml is not TOML: "):
        load_graph(str(tmp_path / "odd.toml"), TOYS)
    with pytest.raises(GraphError, match=r"there is no graph file .*none\.toml"):
        load_graph(str(tmp_path / "none.toml"), TOYS)
    with pytest.raises(GraphError, match="is a directory; give a graph file"):
        load_graph(str(tmp_path), TOYS)
    with pytest.raises(GraphError, match=r'no graph "arhive"; did you mean "archive"\?'):
        find_graph("arhive")


def test_a_mistake_names_the_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[say]\n[blurr]")
    with pytest.raises(GraphError, match=r"^\S+mine\.toml: there is no node"):
        load_graph(str(path), TOYS)


@pytest.mark.parametrize("name", ["archive", "live", "shots", "unit"])
def test_the_shipped_graphs_load(name):
    graph = load_graph(name, catalogue())
    assert graph.name == name
    assert {step.name for step in graph.steps} <= set(NODES)
    assert describe(graph).startswith(f"graph {name}\ndecode ")
    assert Path(find_graph(name)) == shipped_graphs()[name]


def test_the_tree_is_drawn():
    assert describe(build(FILE)).splitlines()[:3] == [
        "graph toy",
        "say           -> Frame | Marker  messages = []",
        "├── soft      Frame -> Frame     queue 4 (drops when full), radius = 3.0, passes = 1, "
        'mode = "box", tag = none, sizes = [3, 5], weights = [], log = "blur.log", '
        "wrap = false",
    ]
    assert [line[:12].rstrip() for line in describe(build(FILE)).splitlines()[2:]] == [
        "├── soft",
        "│   └── draw",
        "└── aside",
    ]


def test_nodes_are_listed_with_their_arguments():
    text = describe_nodes({"blur": Blur, "needy": Needy, "through": "toys:Through"})
    assert text.startswith(
        "blur: Blur every picture.\n    Frame -> Frame\n    radius: float = 2.0\n"
        '    passes: int = 1\n    mode: "box" | "gauss" = "box"\n    tag: str | none = none\n'
        "    sizes: tuple[int, ...] = [3, 5]\n    weights: Sequence[float] = []\n"
    )
    assert "needy: Wants to be told something.\n    Frame -> Frame\n    what: str\n" in text
    assert "through: Passes frames on" in text


def test_a_broken_node_is_listed_with_what_is_wrong_and_hides_no_other():
    lost, blur = describe_nodes({"lost": "nowhere:Node", "blur": Blur}).split("\n\n")
    assert lost == (
        "lost: node \"lost\" (nowhere:Node) cannot be imported: No module named 'nowhere'"
    )
    assert blur.startswith("blur: Blur every picture.")


def test_the_tree_shows_only_what_travels_on_each_edge():
    assert "└── keep  Frame -> nothing " in describe(build("[say]\n[keep]"))


class Blind(Node):
    """Does not say what it takes."""

    def process(self, message):
        yield message


class Late(Node):
    """Names what is not there when the program runs."""

    def process(self, message: Picture) -> Iterator[Frame]:  # noqa: F821
        yield message


class Vague(Node):
    """Takes anything."""

    def process(self, message: Any) -> Iterator[Frame]:
        yield message


class Eager(Node):
    """Asks for a marker as if it were a message."""

    def process(self, message: Frame) -> Frame:
        return message


class Bare(Through):
    """Has an argument of no type."""

    def __init__(self, hold=0):
        super().__init__(hold)


@pytest.mark.parametrize(
    ("node", "answer"),
    [
        (Blind, "Blind.process must be annotated to return an Iterator"),
        (Late, "Late.process: its annotations cannot be read (name 'Picture' is not defined)"),
        (Vague, "Vague.process: Any is no kind of message"),
        (Eager, "Eager.process must be annotated to return an Iterator"),
        (Bare, 'Bare.__init__: argument "hold" has no annotation'),
    ],
)
def test_nodes_that_do_not_state_themselves_are_refused(node, answer):
    with pytest.raises(GraphError) as caught:
        build_graph("toy", {"say": {}, "node": {}}, {"say": Say, "node": node})
    assert answer in str(caught.value)


def test_entry_points_add_nodes(tmp_path, monkeypatch, caplog):
    folder = tmp_path / "other-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(
        "[caststream.nodes]\nthrough = toys:Through\nlabel = toys:Keep\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = catalogue()
    assert found["through"] == "toys:Through"
    assert found["label"] == NODES["label"]
    assert "toys:Keep is ignored" in caplog.text
    assert [*found][: len(NODES)] == [*NODES]
    graph = build_graph("toy", {"say": {}, "through": {}}, {**found, "say": Say})
    assert graph.steps[1].node is Through
