"""What each view shows of a show whose truth is known."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from conftest import WRITES, Client, client_of
from PIL import Image
from shows import (
    CAST,
    COLORS,
    DOUBTFUL,
    FPS,
    SHOT_FRAMES,
    SHOT_SECONDS,
    SHOTS,
    Show,
    learn,
    mined_of,
    pair_of,
    picture_of,
    shot_of,
)

from caststream.messages import StreamEnd, StreamStart
from caststream.store.writer import StoreWriter
from caststream.web.colors import color_of
from caststream.web.desk import Desk


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


# --- characters --------------------------------------------------------------------------------


def test_cards_tell_who_how_long_and_when(client: Client) -> None:
    text = client.ask("/characters")
    assert text.count('<article class="card') == CAST
    assert "0 %</strong> of 1:56 screen time is named" in text
    member = client.desk.roster.members[1]
    assert (member.tracks, member.seconds) == (10, 37.5)
    assert text.index('id="card-1"') < text.index('id="card-4"')  # most screen time first


def test_cards_are_searched_filtered_and_ordered(client: Client) -> None:
    client.act("/acts/name", character="c4", name="Lemon")
    client.act("/acts/ignore", character="c2")

    def shown(query: str) -> list[str]:
        parts = client.ask(f"/characters?{query}").split('id="card-')[1:]
        return [part.split('"')[0] for part in parts]

    assert shown("find=lem") == ["4"]
    assert shown("find=C4") == ["4"]
    assert shown("find=zebra") == []
    assert shown("show=named") == ["4"]
    assert shown("show=ignored") == ["2"]
    assert shown("show=unnamed") == ["1", "3", "5", "6"]
    assert shown("sort=name")[0] == "4"
    assert shown("sort=first") == ["1", "3", "4", "5", "6"]
    assert shown("sort=sure")[0] == "1"
    assert shown("show=nonsense&sort=x&page=-4") == shown("")


def test_looks_differ_and_belong_to_their_character(client: Client) -> None:
    for who in range(CAST):
        looks = client.desk.roster.looks([who + 1])[who + 1]
        assert len(set(looks)) == len(looks) > 0
        assert set(looks) <= set(client.desk.roster.lines_of(who + 1).tolist())


def test_a_character_shows_all_its_tracks_and_the_doubtful_ones_first_if_asked(
    client: Client,
) -> None:
    text = client.ask("/characters/c1")
    assert text.count('class="track"') == 10
    doubtful = client.ask("/characters/c1?order=doubt")
    assert doubtful.index(f'value="0:{DOUBTFUL}"') < doubtful.index('value="0:0"')
    assert client.get("/characters/c99").status_code == 404
    assert client.get("/characters/zzz").status_code == 404


def test_crops_show_the_character(client: Client) -> None:
    uid = int(client.desk.index.tracks.uid[client.desk.roster.lines_of(3)[0]])
    answer = client.get(f"/crop/{client.desk.tag}/0/{uid & 0xFFFFFFFF}.jpg")
    assert "immutable" in answer.headers["cache-control"]
    picture = pixels(answer.content)
    assert np.abs(picture[60:68, 60:68].mean(axis=(0, 1)) - COLORS[2]).max() < 12
    assert client.get("/crop/x/0/9999.jpg").status_code == 404


# --- timeline ----------------------------------------------------------------------------------


def test_the_timeline_has_a_lane_for_everybody_and_a_bar_for_each_track(client: Client) -> None:
    text = client.ask("/timeline")
    assert text.count('class="shot') == SHOTS + 1  # and the row that holds them
    assert text.count('<svg class="lane"') == CAST
    assert text.count("fill-opacity=") == 2 * SHOTS + 1


def test_the_timeline_narrows_to_a_name_or_a_character(client: Client) -> None:
    client.act("/acts/name", character="c4", name="Lemon")
    shots = sum(3 in pair_of(shot) for shot in range(SHOTS))
    for query in ("find=lemon", "character=c4", "find=c4"):
        text = client.ask(f"/timeline?{query}")
        assert f"{shots} shots with Lemon" in text
        assert text.count('<svg class="lane"') == 1
    assert "nobody called “zebra”" in client.ask("/timeline?find=zebra")
    assert client.ask("/timeline?character=c99").count('<svg class="lane"') == CAST


def test_the_timeline_opens_at_a_time(client: Client) -> None:
    text = client.ask(f"/timeline?at={7 * SHOT_SECONDS + 1}")
    assert 'class="shot focus" id="shot-7"' in text


def test_a_frame_shows_its_boxes_and_the_film(client: Client) -> None:
    frame = 3 * SHOT_FRAMES + 6
    text = client.ask(f"/frame/0/{frame}")
    assert text.count('<rect class="box') == 2
    assert f"/frame/0/{frame - 2}" in text
    assert f"/frame/0/{frame + 2}" in text
    seen = pixels(client.get(f"/still/x/0/{frame}.jpg").content)
    assert np.abs(seen - picture_of(frame)).mean() < 6
    key = pixels(client.get("/key/x/0/3.jpg").content)
    assert np.abs(key - picture_of(frame)).mean() < 16  # some picture of that shot
    for missing in ("/frame/0/1", "/frame/9/0", "/still/x/0/1.jpg", "/key/x/0/99.jpg"):
        assert client.get(missing).status_code == 404


def test_without_the_film_the_stores_own_pictures_stand_in(show: Show, tmp_path: Path) -> None:
    root = show.store / "zarr.json"
    root.write_text(root.read_text().replace(str(show.film), str(tmp_path / "gone.mp4")))
    desk = Desk(show.store)
    client = client_of(desk)
    assert "The film is not at hand any more" in client.ask("/frame/0/0")
    assert "/face/" in client.ask("/timeline")
    assert pixels(client.get("/face/x/0/0.jpg").content).shape == (128, 128, 3)
    desk.close()


# --- growth ------------------------------------------------------------------------------------


def test_an_empty_store_has_all_views_and_fills_them_while_it_grows(tmp_path: Path) -> None:
    store = tmp_path / "grows.zarr"
    with StoreWriter.open(store) as writer:
        desk = Desk(store)
        client = client_of(desk)
        for path in ("/characters", "/suggestions", "/timeline", "/live", "/compare"):
            client.ask(path)
        writer.begin_source(StreamStart("-", 320, 180, FPS, None, "print"))
        assert "Still watching" in client.ask("/characters")
        before = desk.refresh()
        for index in range(6):
            writer.commit(shot_of(index), [mined_of(index)], [])
        assert desk.refresh() > before
        assert len(desk.index.tracks) == 12
        assert "6 shots" in client.ask("/timeline")
        learn(store)
        assert client.ask("/characters").count('<article class="card') > 2
        other = writer.begin_source(StreamStart("b.mp4", 320, 180, FPS, None, "other print"))
        writer.end_source(StreamEnd(0, 0.0, "eof"), other)
        desk.refresh()
        assert desk.running  # the first one goes on
        writer.end_source(StreamEnd(48, 6.0, "eof"), 0)
        desk.refresh()
        assert not desk.running
        desk.close()


def test_what_was_labelled_anew_is_counted_once(show: Show) -> None:
    with StoreWriter.open(show.store) as writer:
        start = StreamStart(str(show.film), 320, 180, FPS, 60.0, fingerprint_of(show))
        writer.begin_source(start, again=True)
        writer.commit(shot_of(0), [mined_of(0)], [])
        writer.end_source(StreamEnd(32, 4.0, "eof"))
    desk = Desk(show.store)
    assert len(desk.index.tracks) == 2
    assert [s.id for s in desk.index.sources()] == [1]
    client = client_of(desk)
    assert client.get("/frame/0/0").status_code == 404
    assert "1 shot" in client.ask("/timeline")
    desk.close()


def fingerprint_of(show: Show) -> str:
    desk = Desk(show.store)
    found = desk.index.source(0).start.fingerprint
    desk.close()
    return found


# --- compare, live, the rest -------------------------------------------------------------------


def test_a_dropped_picture_is_looked_up(client: Client) -> None:
    """The vectors of this store are made up, so only that places are ranked can be asserted."""
    out = io.BytesIO()
    Image.fromarray(picture_of(0)).save(out, "PNG")
    answer = client.post("/compare", content=out.getvalue(), headers=WRITES)
    assert answer.status_code == 200
    assert 'viewBox="0 0 320 180"' in answer.text
    assert "/characters/c" in answer.text


def test_live_without_a_stream_says_so_and_lists_the_models(client: Client) -> None:
    text = client.ask("/live")
    assert "No stream is running" in text
    assert "in force" in text
    assert client.get("/live/0/0.jpg").status_code == 404


@pytest.mark.parametrize("ground", [(1.0, 1.0, 1.0), (0.07, 0.08, 0.1)])
def test_colours_can_be_told_from_both_grounds(ground: tuple[float, ...]) -> None:
    def luminance(color: tuple[float, ...]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    for character in (*range(40), None):
        code = color_of(character)
        color = tuple(int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
        light, dark = sorted((luminance(color), luminance(ground)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3
