"""What people do on the page ends up in the store's log, and in everybody's view."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from conftest import Client
from shows import DOUBTFUL, TWINS

from caststream.learning.edit import Editor, track_text
from caststream.learning.learner import Learner
from caststream.store import acts, published


def kinds(client: Client) -> list[str]:
    return [act.kind for act in acts.read(client.desk.store)]


def members(client: Client) -> dict[int, str | None]:
    client.desk.refresh()
    return {m.id: m.name for m in client.desk.roster.members.values()}


def test_a_name_is_in_the_log_and_on_every_view(client: Client) -> None:
    done = client.act("/acts/name", character="c1", name="  Ruby ")
    assert done.status_code == 200
    assert done.headers["hx-trigger"] == "changed"
    assert "c1 is “Ruby”" in done.text
    assert members(client)[1] == "Ruby"
    assert Editor(client.desk.store).cast.name(1) == "Ruby"
    for path in ("/characters", "/characters/c1", "/timeline", "/frame/0/0"):
        assert "Ruby" in client.ask(path)


def test_a_name_that_is_taken_offers_a_merge(client: Client) -> None:
    client.act("/acts/name", character="c1", name="Ruby")
    taken = client.act("/acts/name", character="c2", name="Ruby")
    assert taken.status_code == 409
    assert "c1 is called “Ruby” already" in taken.text
    assert kinds(client) == ["name"]
    assert client.act("/acts/name", character="c2", name="Ruby", also="1").status_code == 200
    assert members(client)[2] == "Ruby"


def test_what_cannot_be_is_said_in_a_sentence(client: Client) -> None:
    for path, fields in (
        ("/acts/name", {"character": "c99", "name": "Nobody"}),
        ("/acts/name", {"character": "c1", "name": "two\nlines"}),
        ("/acts/name", {"character": "<b>", "name": "x"}),
        ("/acts/name", {"character": "c1"}),
        ("/acts/merge", {"character": ["c1"]}),
        ("/acts/merge", {"character": ["c1", "c99"]}),
        ("/acts/merge", {"character": ["c1", "c2", "c99"]}),
        ("/acts/ignore", {"character": ["c1", "c99"]}),
        ("/acts/name", {"character": "c" + "9" * 5000, "name": "x"}),
        ("/acts/split", {"track": ["0:" + "9" * 30]}),
        ("/acts/split", {"track": ["9999999999:0"]}),
        ("/acts/split", {}),
        ("/acts/split", {"track": ["0:9999"]}),
        ("/acts/move", {"track": ["0:1"], "into": "c99"}),
        ("/acts/ignore", {}),
        ("/acts/undo", {}),
        ("/acts/undo", {"act": "77"}),
        ("/suggestions", {"kind": "pair", "character": "c1", "other": "c2", "answer": "maybe"}),
        ("/models/rollback", {"number": "99"}),
    ):
        answer = client.act(path, **fields)
        assert answer.status_code == 422, (path, answer.text)
        assert 'role="alert"' in answer.text
        assert "changed" not in answer.headers.get("hx-trigger", "")
    assert kinds(client) == []


def test_several_are_merged_into_the_named_one_and_come_back_with_one_undo(client: Client) -> None:
    client.act("/acts/name", character="c4", name="Lemon")
    done = client.act("/acts/merge", character=["c1", "c4", "c2"])
    assert done.status_code == 200
    assert kinds(client) == ["name", "merge", "merge"]
    assert members(client) == {3: None, 4: "Lemon", 5: None, 6: None}
    number = re.search(r'name="act" value="(\d+)"', done.text)
    assert number
    undone = client.act("/acts/undo", act=number[1])
    assert "Undone" in undone.text
    assert set(members(client)) == {1, 2, 3, 4, 5, 6}
    assert members(client)[4] == "Lemon"


def test_what_somebody_else_merged_meanwhile_is_in_nobodys_way(client: Client) -> None:
    """This page still shows the card of c2, which is part of c1 by now."""
    Editor(client.desk.store).merge(2, 1)
    assert client.act("/acts/merge", character=["c1", "c2", "c3"]).status_code == 200
    assert kinds(client) == ["merge", "merge"]
    assert set(members(client)) == {1, 4, 5, 6}
    assert client.act("/acts/merge", character=["c4"], into="c2").status_code == 200
    assert set(members(client)) == {1, 5, 6}


def test_several_come_back_though_somebody_else_took_one_back(client: Client) -> None:
    done = client.act("/acts/merge", character=["c1", "c4", "c2"])
    number = re.search(r'name="act" value="(\d+)"', done.text)
    assert number
    Editor(client.desk.store).undo(int(number[1]))
    assert client.act("/acts/undo", act=number[1]).status_code == 200
    assert set(members(client)) == {1, 2, 3, 4, 5, 6}
    assert client.act("/acts/undo", act=number[1]).status_code == 422


def test_a_card_dropped_on_another_goes_into_that_one(client: Client) -> None:
    assert client.act("/acts/merge", character="c1", into="c6").status_code == 200
    assert set(members(client)) == {2, 3, 4, 5, 6}
    # An old address still leads to the one that it became.
    assert "c6" in client.ask("/characters/c1")


def test_chosen_tracks_are_split_off_moved_or_said_to_be_somebody_else(client: Client) -> None:
    tracks = ["0:0", "0:4"]
    done = client.act("/acts/split", track=tracks)
    assert "2 tracks split off as c7" in done.text
    client.desk.refresh()
    assert client.desk.roster.members[7].tracks == 2
    assert client.act("/acts/move", track=["0:9"], into="c7").status_code == 200
    assert client.act("/acts/not-this", track=["0:4"], character="c7").status_code == 200
    client.desk.refresh()
    assert client.desk.roster.members[7].tracks == 2
    assert client.desk.roster.members[1].tracks == 8  # it goes back to where the machine had it
    for _ in range(3):
        client.act("/acts/undo")
    client.desk.refresh()
    assert 7 not in client.desk.roster.members
    assert client.desk.roster.members[1].tracks == 10


def test_undo_without_a_number_takes_back_the_last_thing_done(client: Client) -> None:
    client.act("/acts/name", character="c1", name="Ruby")
    client.act("/acts/ignore", character=["c2", "c3"])
    assert members(client)[1] == "Ruby"
    assert [m.id for m in client.desk.roster.members.values() if m.ignored] == [2, 3]
    client.act("/acts/undo")
    client.desk.refresh()
    assert not any(m.ignored for m in client.desk.roster.members.values())
    client.act("/acts/undo")
    assert members(client)[1] is None
    assert client.act("/acts/undo").status_code == 422


def test_suggestions_are_answered_by_acts(client: Client) -> None:
    twin, other = TWINS[0] + 1, TWINS[1] + 1
    pair = {"kind": "pair", "character": f"c{twin}", "other": f"c{other}"}
    text = client.ask("/suggestions")
    assert f"Are c{twin} and c{other} the same character?" in text
    assert "2 questions" in text
    assert client.act("/suggestions", **pair, answer="skip").status_code == 200
    text = client.ask("/suggestions")
    assert "Is this c1?" in text  # the doubtful track settles less, so it comes second
    assert "1 question skipped" in text
    client.act("/suggestions", kind="track", character="c1", other=f"0:{DOUBTFUL}", answer="no")
    assert "All that is left was skipped" in client.ask("/suggestions")
    client.act("/suggestions/again")
    assert f"Are c{twin} and c{other}" in client.ask("/suggestions")
    client.act("/suggestions", **pair, answer="no")
    assert "Nothing more to ask" in client.ask("/suggestions")
    assert kinds(client) == ["not_this", "apart"]
    client.act("/acts/undo")
    assert client.act("/suggestions", **pair, answer="yes").status_code == 200
    assert other not in members(client)
    client.act("/acts/undo")
    client.act("/acts/undo")
    client.act("/suggestions", kind="track", character="c1", other=f"0:{DOUBTFUL}", answer="yes")
    client.desk.refresh()
    line = client.desk.roster.lines_of(1)[-1]
    assert client.desk.roster.confidence[line] == 1.0


def test_a_split_is_suggested_done_refused_and_taken_back(client: Client) -> None:
    store = client.desk.store
    own = client.desk.roster.tracks.uid[client.desk.roster.lines_of(1)]
    client.act("/acts/name", character="c1", name="Ann")
    model = published.current(store)
    assert model is not None
    asked = {"split_uid": own[:2], "split_character": np.ones(2, np.int64)}
    published.publish(store, replace(model, extra={**model.extra, **asked}))
    assert "Is Ann two characters?" in client.ask("/suggestions")
    question = {"kind": "split", "character": "c1", "other": track_text(int(own[0]))}
    client.act("/suggestions", **question, answer="skip")
    client.act("/suggestions/again")
    client.act("/suggestions", **question, answer="no")
    assert "two characters?" not in client.ask("/suggestions")
    assert client.act("/suggestions", **question, answer="yes").status_code == 422
    assert "Ann is one character" in client.ask("/characters")  # what undo would take back
    client.act("/acts/undo")
    client.act("/suggestions", **question, answer="yes")
    client.desk.refresh()
    roster = client.desk.roster
    new = max(roster.members)
    assert roster.tracks.uid[roster.lines_of(new)].tolist() == own[:2].tolist()
    assert kinds(client) == ["name", "whole", "undo", "split"]
    client.act("/acts/undo")
    assert "Is Ann two characters?" in client.ask("/suggestions")


def test_what_was_told_apart_stays_apart_when_all_is_grouped_anew(client: Client) -> None:
    one, other = TWINS[0] + 1, TWINS[1] + 1
    client.act("/suggestions", kind="pair", character=f"c{one}", other=f"c{other}", answer="no")
    learner = Learner(client.desk.store)
    learner.take_in()
    learner.regroup()
    learner.close()
    assert {one, other} <= set(members(client))
    assert "Nothing more to ask" not in client.ask("/suggestions")  # the doubtful track
    assert "the same character?" not in client.ask("/suggestions")


def test_a_roll_back_is_gone_on_from_and_gives_no_id_twice(client: Client) -> None:
    store = client.desk.store
    first = published.current_number(store)
    learner = Learner(store)
    learner.take_in()
    learner.regroup()
    assert published.current_number(store) == first + 1
    answer = client.act("/models/rollback", number=str(first))
    assert answer.status_code == 200
    assert published.current_number(store) == first
    learner.take_in()
    learner.regroup()
    learner.close()
    assert published.current_number(store) == first + 2
    assert set(members(client)) == {1, 2, 3, 4, 5, 6}
    assert published.highest_character(store) == 6


def test_what_another_process_says_is_seen(client: Client) -> None:
    before = client.desk.refresh()
    Editor(client.desk.store).name(3, "Sky")
    assert client.desk.refresh() > before
    assert "Sky" in client.ask("/characters")
