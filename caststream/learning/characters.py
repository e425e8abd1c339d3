"""Identity that outlives regrouping: permanent ids, and what people said about them.

The machine's part is ``match``: groups of micro-clusters change with every regrouping, and each
new group has to go by the id that most of its screen time went by before. The people's part is
``Acts``: names, merges, splits, moves and ignores, folded from the log of acts in the store. The
acts lie *over* the machine's labels and are folded anew each time, so that an undone act leaves
no trace, and so that replaying the log always gives the same dictionary.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from caststream.messages import F4, I8
from caststream.store.acts import Act

KEEP = 0.3
"""A group may only go by an id that has this share of its earlier screen time in the group."""


@dataclass(frozen=True, slots=True)
class Matching:
    """Which id each group goes by, and which ids were found to be one character."""

    ids: I8
    """(G,) id of each group, -1 for a group that stays without one."""
    merged: tuple[tuple[int, int], ...]
    """(from, to), the older id stays."""
    next_id: int


def match(group: I8, earlier: I8, seconds: F4, worthy: np.ndarray, next_id: int) -> Matching:
    """Match groups to earlier ids by shared screen time (Hungarian; the most time in all).

    For micro-clusters: ``group`` (M,) 0..G-1, ``earlier`` (M,) id before or -1, ``seconds`` (M,)
    screen time. ``worthy`` (G,) says which groups may get a new id. An id that finds no group of
    its own, while most of its time lies in one that goes by another id, has merged with that one;
    the older (smaller) id stays.
    """
    groups = len(worthy)
    old = np.unique(earlier[earlier >= 0])
    shared = np.zeros((len(old), groups), np.float64)
    known = earlier >= 0
    np.add.at(shared, (np.searchsorted(old, earlier[known]), group[known]), seconds[known])
    rows, columns = linear_sum_assignment(shared, maximize=True)
    total = shared.sum(axis=1)
    members: dict[int, list[int]] = {}
    matched = set()
    for row, column in zip(rows, columns, strict=True):
        if shared[row, column] > 0 and shared[row, column] >= KEEP * total[row]:
            members.setdefault(int(column), []).append(int(old[row]))
            matched.add(int(row))
    for row in range(len(old)):
        if row not in matched and total[row] > 0:
            column = int(np.argmax(shared[row]))
            members.setdefault(column, []).append(int(old[row]))
    ids = np.full(groups, -1, np.int64)
    merged: list[tuple[int, int]] = []
    for column in range(groups):
        if column in members:
            stays = min(members[column])
            ids[column] = stays
            merged.extend((gone, stays) for gone in sorted(members[column]) if gone != stays)
        elif worthy[column]:
            ids[column] = next_id
            next_id += 1
    return Matching(ids, tuple(merged), next_id)


@dataclass(slots=True)
class Acts:
    """What people said, folded from the log: a pure function of the log."""

    names: dict[int, str] = field(default_factory=dict)
    joined: dict[int, int] = field(default_factory=dict)
    """Merged by a person: id -> id that it goes by now (not yet followed to the end)."""
    placed: dict[int, int] = field(default_factory=dict)
    """Track uid -> id that a person put it into."""
    refused: set[tuple[int, int]] = field(default_factory=set)
    """(track uid, id) of "not this one"."""
    apart: set[tuple[int, int]] = field(default_factory=set)
    """Pairs of ids that a person said are two characters, as they were given."""
    whole: set[tuple[int, int]] = field(default_factory=set)
    """(track uid, id) of tracks that are this character although they looked like another."""
    ignored: set[int] = field(default_factory=set)
    minted: set[int] = field(default_factory=set)
    """Ids that people made by splitting."""
    highest: int = 0
    """The highest id that people ever made, undone or not: no id is given twice."""
    last: int = 0
    """Number of the last act that was folded in."""

    def resolve(self, character: int) -> int:
        """The id that a person's merges make of this one."""
        seen = set()
        while character in self.joined and character not in seen:
            seen.add(character)
            character = self.joined[character]
        return character

    def name_of(self, character: int) -> str | None:
        """The name that this id goes by, through merges."""
        return self.names.get(self.resolve(character))

    def touched(self) -> set[int]:
        """Ids that the machine must leave be: named, merged, split, told apart or ignored."""
        told_apart = {character for pair in self.apart for character in pair}
        joined = set(self.joined) | set(self.joined.values())
        return set(self.names) | joined | self.minted | told_apart | self.ignored

    def are_apart(self, one: int, other: int) -> bool:
        """Whether a person said that these two are not one character."""
        pair = {self.resolve(one), self.resolve(other)}
        return any({self.resolve(a), self.resolve(b)} == pair for a, b in self.apart)

    def apply(self, uid: I8, character: I8) -> I8:
        """The final id of each track (n,), given the machine's (n,); -1 for none."""
        final = character.copy()
        if self.placed:
            for place in np.flatnonzero(np.isin(uid, list(self.placed))):
                final[place] = self.placed[int(uid[place])]
        if self.joined:
            known, inverse = np.unique(final, return_inverse=True)
            final = np.array([self.resolve(int(k)) for k in known], np.int64)[inverse]
        for track, refused in self.refused:
            final[(uid == track) & (final == self.resolve(refused))] = -1
        return final


def undone(acts: Sequence[Act]) -> set[int]:
    """Numbers of acts that an ``undo`` took back; an undo can itself be undone."""
    gone: set[int] = set()
    for act in reversed(acts):
        if act.kind == "undo" and act.number not in gone:
            gone.add(int(act.arguments["act"]))
    return gone


def fold(acts: Sequence[Act]) -> Acts:
    """Replay the log of acts, oldest first, into what is in force.

    Arguments by kind: ``name`` and ``rename`` (character, name), ``merge`` (from, into), ``split``
    (tracks, into), ``move`` (tracks, into), ``not_this`` (tracks, character), ``apart``
    (one, other), ``whole`` (tracks, character), ``ignore`` (character, ignored), ``undo`` (act).
    Tracks are uids.
    """
    gone = undone(acts)
    state = Acts()
    for act in acts:
        state.last = max(state.last, act.number)
        if act.kind == "split":
            state.highest = max(state.highest, int(act.arguments["into"]))
        if act.number not in gone:
            _FOLDS.get(act.kind, _nothing)(state, act.arguments)
    return state


def _name(state: Acts, act: Mapping[str, Any]) -> None:
    character = state.resolve(int(act["character"]))
    if act["name"]:
        state.names[character] = str(act["name"])
    else:
        state.names.pop(character, None)


def _merge(state: Acts, act: Mapping[str, Any]) -> None:
    gone, stays = state.resolve(int(act["from"])), state.resolve(int(act["into"]))
    if gone == stays:
        return
    name = state.names.get(stays) or state.names.get(gone)
    state.joined[gone] = stays
    if name:
        state.names[stays] = name


def _move(state: Acts, act: Mapping[str, Any]) -> None:
    tracks, into = set(_ints(act["tracks"])), int(act["into"])
    state.placed.update(dict.fromkeys(tracks, into))
    # The last word counts, also where it was refused before.
    who = state.resolve(into)
    state.refused = {
        (track, refused)
        for track, refused in state.refused
        if track not in tracks or state.resolve(refused) != who
    }


def _split(state: Acts, act: Mapping[str, Any]) -> None:
    state.minted.add(int(act["into"]))
    _move(state, act)


def _not_this(state: Acts, act: Mapping[str, Any]) -> None:
    character = int(act["character"])
    for track in _ints(act["tracks"]):
        state.refused.add((track, character))
        if state.placed.get(track) == character:
            del state.placed[track]


def _apart(state: Acts, act: Mapping[str, Any]) -> None:
    state.apart.add((int(act["one"]), int(act["other"])))


def _whole(state: Acts, act: Mapping[str, Any]) -> None:
    state.whole.update((track, int(act["character"])) for track in _ints(act["tracks"]))


def _ignore(state: Acts, act: Mapping[str, Any]) -> None:
    character = state.resolve(int(act["character"]))
    if act.get("ignored", True):
        state.ignored.add(character)
    else:
        state.ignored.discard(character)


def _nothing(state: Acts, act: Mapping[str, Any]) -> None:
    """Acts of kinds that this version does not know are kept in the log and change nothing."""


def _ints(values: Iterable[Any]) -> list[int]:
    return [int(v) for v in values]


_FOLDS = {
    "name": _name,
    "rename": _name,
    "merge": _merge,
    "split": _split,
    "move": _move,
    "not_this": _not_this,
    "apart": _apart,
    "whole": _whole,
    "ignore": _ignore,
}
