"""Writes what can be told from the code: pages, a man page, completion for shells.

    python -m tools.make_docs            write everything anew
    python -m tools.make_docs --check    say what is not up to date, and change nothing

docs/commands/NAME.md from each command's --help, docs/nodes.md from the nodes, and below share/
the man page and what bash, zsh and fish complete (by shtab). A test runs the check.
"""

from __future__ import annotations

import argparse
import inspect
import os
import sys
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = ("source", "store", "labels", "video", "truth", "out", "report", "into", "plan", "graph")
"""Arguments for which a shell completes paths."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing")
    args = parser.parse_args()
    # The width of a terminal must not change what is written.
    os.environ["COLUMNS"] = "90"
    made = files()
    stale = [path for path, text in made.items() if read(path) != text]
    stale += [path for path in (ROOT / "docs" / "commands").glob("*.md") if path not in made]
    for path in stale:
        if args.check:
            print(f"{path.relative_to(ROOT)} is not up to date: python -m tools.make_docs")
            continue
        print(path.relative_to(ROOT))
        if path in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made[path], encoding="utf-8")
        else:
            path.unlink()  # of a command that is gone
    return 1 if args.check and stale else 0


def read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def files() -> dict[Path, str]:
    """Every generated file with what it has to say."""
    share = ROOT / "share"
    made = {ROOT / "docs" / "nodes.md": nodes_page(), share / "man/man1/caststream.1": man_page()}
    for name in (None, *commands()):
        page = ROOT / "docs" / "commands" / f"{name or 'caststream'}.md"
        made[page] = command_page(name)
    made[ROOT / "docs" / "commands" / "README.md"] = index_page()
    for shell, path in {
        "bash": "bash-completion/completions/caststream",
        "zsh": "zsh/site-functions/_caststream",
        "fish": "fish/vendor_completions.d/caststream.fish",
    }.items():
        made[share / path] = completion(shell)
    return made


def commands() -> list[str]:
    from caststream.commands import COMMANDS

    return list(COMMANDS)


def command_page(name: str | None) -> str:
    from caststream.commands import parser_of

    title = "caststream" if name is None else f"caststream {name}"
    parsers = [parser_of(name)]
    for action in parsers[0]._actions:
        if isinstance(action, argparse._SubParsersAction):
            parsers += action.choices.values()
    parts = [f"```text\n{parser.format_help().rstrip()}\n```" for parser in parsers]
    return "\n\n".join([f"# {title}", *parts]) + "\n"


def index_page() -> str:
    from caststream.commands import COMMANDS, STREAM, load

    lines = [f"| [`caststream`](caststream.md) | {load(STREAM).description} |"]
    lines += [
        f"| [`caststream {name}`]({name}.md) | {load(where).description} |"
        for name, where in COMMANDS.items()
    ]
    return "\n".join(["# Commands", "", "| | |", "| --- | --- |", *lines, ""])


def nodes_page() -> str:
    """The graph reference: each node's docstring, kinds in and out, arguments."""
    from caststream.graph import kinds
    from caststream.graph.spec import resolve, shipped_graphs
    from caststream.nodes import NODES

    parts = [
        "# Nodes and graphs",
        "A stream is a tree of nodes that a [TOML](https://toml.io) file describes: one table a"
        " node, in the order of the flow. `from` names the parent (by default the table before),"
        " `node` the kind where the table has another name, `queue` gives it a thread and an"
        ' inbox of that size, `when_full = "drop"` lets the inbox drop frames. Every other key is'
        " an argument of the node, and can be set for one run with `--set NODE.KEY=VALUE`.",
        "## Nodes",
    ]
    for kind in NODES:
        node = resolve(kind, NODES)
        taken = ", ".join(f"`{k.__name__}`" for k in kinds.accepts(node)) or "nothing"
        made = ", ".join(f"`{k.__name__}`" for k in kinds.makes(node)) or "nothing"
        told = [node.__doc__, node.__init__.__doc__ if "__init__" in vars(node) else None]
        parts += [f"### {kind}", *(inspect.cleandoc(text) for text in told if text)]
        parts.append(f"Takes {taken}; makes {made}.")
        rows = [
            f"| `{a.name}` | {kinds.spell(a.type).replace('|', 'or')} | `{a.default!r}` |"
            for a in kinds.arguments(node).values()
        ]
        if rows:
            parts.append("\n".join(["| argument | type | default |", "| --- | --- | --- |", *rows]))
    parts.append("## Graphs that come with it")
    for name, path in shipped_graphs().items():
        parts.append(f"### {name}\n\n```toml\n{path.read_text(encoding='utf-8').rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


# --- man page ----------------------------------------------------------------------------------


def man_page() -> str:
    """One page in the man macros, for ``man caststream``."""
    from caststream.commands import parser_of

    stream = parser_of(None)
    lines = [
        f'.TH CASTSTREAM 1 "" "caststream {version("caststream")}" "User Commands"',
        ".SH NAME",
        "caststream \\- find, follow, learn and label the characters of animated video",
        ".SH SYNOPSIS",
        *('.B caststream\n.RI [ options ] " [" source ...]'.splitlines()),
        ".br\n.B caststream\n.I command\n.RI [ options ]",
        ".SH OPTIONS",
        *options(stream),
        ".SH COMMANDS",
    ]
    for name in commands():
        parser = parser_of(name)
        lines += [f".SS {roff(name)}", roff(parser.description or ""), ".PP"]
        lines += [f".B {roff(' '.join(parser.format_usage().split()[1:]))}", *options(parser)]
    lines += [".SH NOTES", ".nf", roff(stream.epilog or "").rstrip(), ".fi"]
    return "\n".join(lines) + "\n"


def options(parser: argparse.ArgumentParser) -> list[str]:
    lines = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                lines += [".TP", f"\\fB{roff(name)}\\fR", roff(below.description or "")]
                lines += [".RS", *options(below), ".RE"]
            continue
        if "--help" in action.option_strings or not (action.help or action.option_strings):
            continue
        names = ", ".join(f"\\fB{roff(o)}\\fR" for o in action.option_strings)
        value = action.metavar or action.dest if action.nargs != 0 else ""
        value = " ".join(value) if isinstance(value, tuple) else str(value)
        shown = " ".join(filter(None, [names, f"\\fI{roff(value)}\\fR" if value else ""]))
        said = (action.help or "").replace("%(prog)s", "caststream").replace("%%", "%")
        lines += [".TP", shown, roff(said)]
    return lines


def roff(text: str) -> str:
    """Text that troff takes for nothing but text."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join(f"\\&{line}" if line[:1] in (".", "'") else line for line in text.splitlines())


# --- completion --------------------------------------------------------------------------------


def completion(shell: str) -> str:
    """A static script for one shell: commands, their options, paths."""
    import shtab

    text = str(shtab.complete(whole_parser(), shell)).rstrip() + "\n"
    if shell == "bash":
        # A film may stand where a command may: where nothing fits, paths are completed.
        text = text.replace("complete -o bashdefault", "complete -o default -o bashdefault")
    return text


def whole_parser() -> argparse.ArgumentParser:
    """The stream's options and every command in one parser; only shells ask this one."""
    from caststream.commands import COMMANDS, STREAM, load

    parser = argparse.ArgumentParser(prog="caststream", description=load(STREAM).description)
    load(STREAM).arguments(parser)
    parser._actions[:] = [a for a in parser._actions if a.option_strings]
    below = parser.add_subparsers()
    for name, where in COMMANDS.items():
        command = load(where)
        child = below.add_parser(name, help=command.description, description=command.description)
        command.arguments(child)
    _complete_paths(parser)
    return parser


def _complete_paths(parser: argparse.ArgumentParser) -> None:
    import shtab

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                _complete_paths(child)
        elif action.dest in FILES and not action.choices:
            action.complete = shtab.FILE  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
