"""The page in a real browser: what people click, type, drag and press."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsers import Tab, chromium, served
from PIL import Image
from shows import DOUBTFUL, TWINS, Show, learn, picture_of

from caststream.learning.edit import Editor
from caststream.store import acts, published
from caststream.web.desk import Desk

ONE, OTHER = TWINS[0] + 1, TWINS[1] + 1


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def tab(browser: Any, show: Show) -> Iterator[Tab]:
    desk = Desk(show.store)
    with served(desk) as address:
        opened = Tab(browser, address)
        yield opened
        opened.close()
    desk.close()


def said(show: Show) -> list[str]:
    return [act.kind for act in acts.read(show.store)]


def test_a_name_and_enter_name_a_character_and_lead_to_the_next(tab: Tab, show: Show) -> None:
    page = tab.page
    page.fill("#name-1", "Ruby")
    page.press("#name-1", "Enter")
    page.wait_for_selector("text=c1 is “Ruby”")
    page.wait_for_function("() => document.activeElement.id === 'name-2'")
    page.keyboard.type("Emerald")
    page.keyboard.press("Enter")
    page.wait_for_selector("#toasts >> text=c2 is “Emerald”")
    assert Editor(show.store).cast.name(1) == "Ruby"
    assert Editor(show.store).cast.name(2) == "Emerald"
    page.reload()
    assert page.input_value("#name-1") == "Ruby"
    # Undo is one click away, and the field shows it.
    page.click("#undo")
    page.wait_for_function("() => document.getElementById('name-2').value === ''")
    assert Editor(show.store).cast.name(2) is None
    page.keyboard.press("u")
    page.wait_for_function("() => document.getElementById('name-1').value === ''")


def test_a_script_in_a_name_is_shown_and_not_run(tab: Tab) -> None:
    page = tab.page
    name = "<img src=x onerror=\"document.title='run'\">"
    page.fill("#name-1", name)
    page.press("#name-1", "Enter")
    page.wait_for_selector("#toasts .toast")
    for path in ("/characters", "/characters/c1", "/timeline", "/suggestions", "/frame/0/0"):
        tab.open(path)
        assert page.evaluate("document.title") != "run"
        assert page.locator("img[src=x]").count() == 0
    tab.open("/characters")
    assert page.input_value("#name-1") == name


def test_a_taken_name_offers_to_merge(tab: Tab, show: Show) -> None:
    page = tab.page
    page.fill("#name-1", "Ruby")
    page.press("#name-1", "Enter")
    page.wait_for_selector("#toasts >> text=c1 is “Ruby”")
    page.fill("#name-2", "Ruby")
    page.press("#name-2", "Enter")
    page.click("#toasts >> text=Merge them")
    page.wait_for_selector("#card-2", state="detached")
    assert said(show) == ["name", "merge"]


def test_cards_are_merged_by_choosing_and_come_back_by_undo(tab: Tab, show: Show) -> None:
    page = tab.page
    assert not page.is_visible("#selection")
    page.check("#card-2 .pick input")
    page.check("#card-3 .pick input")
    assert page.inner_text("[data-chosen]") == "2"
    page.click("#selection >> text=Merge")
    page.wait_for_selector("#card-3", state="detached")
    assert page.is_visible("#card-2")
    assert not page.is_visible("#selection")
    page.click("#toasts >> text=Undo")
    page.wait_for_selector("#card-3")
    assert said(show) == ["merge", "undo"]


def test_a_card_is_dragged_on_another(tab: Tab, show: Show) -> None:
    page = tab.page
    page.drag_and_drop("#card-3 .face", "#card-1 .face")
    page.wait_for_selector("#card-3", state="detached")
    page.wait_for_selector("#toasts >> text=c3 merged into c1")
    assert said(show) == ["merge"]


def test_characters_are_ignored_and_taken_in_again(tab: Tab) -> None:
    page = tab.page
    page.click("#card-2 >> text=Ignore")
    page.wait_for_selector("#card-2", state="detached")
    page.click("text=Ignored 1")
    page.click("#card-2 >> text=Take in again")
    page.wait_for_selector("text=Nobody here")
    tab.open("/characters")
    assert page.is_visible("#card-2")


def test_tracks_are_split_off(tab: Tab, show: Show) -> None:
    page = tab.page
    page.click("#card-1 .face")
    page.wait_for_url("**/characters/c1")
    boxes = page.locator(".track input")
    boxes.nth(0).check()
    boxes.nth(2).click(modifiers=["Shift"])
    assert page.inner_text("[data-chosen]") == "3"
    page.click("#selection >> text=Split off")
    page.wait_for_selector("#toasts >> text=3 tracks split off as c7")
    page.wait_for_function("() => document.querySelectorAll('.track').length === 7")
    page.click("#toasts >> text=Undo")
    page.wait_for_function("() => document.querySelectorAll('.track').length === 10")
    assert said(show) == ["split", "undo"]


def test_tracks_are_moved_and_said_to_be_somebody_else(tab: Tab, show: Show) -> None:
    page = tab.open("/characters/c1")
    page.locator(".track input").nth(0).check()
    page.select_option("select[name=into]", "c3")
    page.click("#selection >> text='Move to'")
    page.wait_for_selector("#toasts >> text=1 track moved to c3")
    page.locator(f"input[value='0:{DOUBTFUL}']").check()
    page.click("#selection >> text=Not c1")
    page.wait_for_selector("#toasts >> text=1 track not c1")
    done = acts.read(show.store)
    assert [(a.kind, a.arguments["tracks"]) for a in done] == [
        ("move", [0]),
        ("not_this", [DOUBTFUL]),
    ]


def test_suggestions_are_answered_by_keys(tab: Tab, show: Show) -> None:
    page = tab.open("/suggestions")
    pair = f"Are c{ONE} and c{OTHER} the same character?"
    assert page.inner_text("#question") == pair
    page.keyboard.press("s")
    page.wait_for_selector("#question >> text=Is this c1?")
    page.keyboard.press("n")
    page.wait_for_selector("text=All that is left was skipped")
    page.click("text=Ask again")
    page.wait_for_selector(f"#question >> text={pair}")
    page.keyboard.press("y")
    page.wait_for_selector("text=Nothing more to ask for now")
    page.keyboard.press("u")
    page.wait_for_selector(f"#question >> text={pair}")
    assert said(show) == ["not_this", "merge", "undo"]


def test_the_timeline_shows_a_frame_and_goes_on_by_keys(tab: Tab) -> None:
    page = tab.open("/timeline")
    page.fill("input[type=search]", "c4")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=3 shots with c4")
    page.locator(".lane a").first.click()
    page.wait_for_selector("dialog[open] .picture .box")
    before = page.inner_text("dialog h2")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("t => document.querySelector('dialog h2').innerText !== t", arg=before)
    page.wait_for_function(
        "async () => { const i = new Image(); i.src = document.querySelector('dialog image')"
        ".getAttribute('href'); await i.decode(); return i.naturalWidth === 320 }"
    )
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog[open]", state="detached")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"


def test_what_somebody_else_says_appears_and_typing_goes_on(tab: Tab, show: Show) -> None:
    page = tab.page
    page.click("#name-2")
    page.keyboard.type("Half a na")
    Editor(show.store).name(1, "Ruby")
    page.wait_for_function("() => document.getElementById('name-1').value === 'Ruby'")
    assert page.input_value("#name-2") == "Half a na"
    assert page.evaluate("document.activeElement.id") == "name-2"
    page.keyboard.type("me")
    page.keyboard.press("Enter")
    page.wait_for_selector("#toasts >> text=c2 is “Half a name”")


def test_a_page_that_was_started_anew_is_seen_by_open_tabs(tab: Tab, show: Show) -> None:
    page = tab.page
    page.wait_for_load_state("networkidle")
    page.evaluate("document.getElementById('page').dataset.changes = '1000'")  # of the start before
    Editor(show.store).name(1, "Ruby")
    page.wait_for_function("() => document.getElementById('name-1').value === 'Ruby'")
    tab.context.clear_cookies()
    page.click("#name-2")
    page.keyboard.type("Emerald")
    page.keyboard.press("Enter")
    page.wait_for_selector("#toasts >> text=was started anew")
    assert said(show) == ["name"]


def test_a_picture_is_dropped_on_the_page(tab: Tab, tmp_path: Path) -> None:
    page = tab.open("/compare")
    Image.fromarray(picture_of(0)).save(tmp_path / "who.png")
    page.set_input_files("input[type=file]", tmp_path / "who.png")
    page.wait_for_selector("#matches .likely a", timeout=120_000)
    assert page.get_attribute("#matches image", "href").startswith("blob:")
    (tmp_path / "no.png").write_bytes(b"no picture")
    page.set_input_files("input[type=file]", tmp_path / "no.png")
    page.wait_for_selector("#matches [role=alert] >> text=no picture")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("phone", [False, True])
def test_all_views_pass_axe_and_fit_the_screen(
    browser: Any, show: Show, scheme: str, phone: bool
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe").Axe()
    Editor(show.store).name(1, "Ruby")
    desk = Desk(show.store)
    size = {"width": 390, "height": 844} if phone else {"width": 1280, "height": 800}
    with served(desk) as address:
        tab = Tab(browser, address, viewport=size, color_scheme=scheme, has_touch=phone)
        page = tab.page
        for path in ("/characters", "/characters/c1", "/suggestions", "/timeline", "/live",
                     "/compare", "/nowhere"):  # fmt: skip
            tab.open(path)
            if path == "/characters":
                page.check("#card-2 .pick input")  # with the bar
            if path == "/timeline":
                page.locator(".shot").first.click()
                page.wait_for_selector("dialog[open] .picture")
            found = axe.run(page).response["violations"]
            told = [(v["id"], n["html"][:120]) for v in found for n in v["nodes"]]
            assert told == [], path
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= size["width"], path
        tab.close()
    desk.close()


def test_an_older_model_is_put_in_force_again(tab: Tab, show: Show) -> None:
    first = published.current_number(show.store)
    learn(show.store)
    page = tab.open("/live")
    page.wait_for_selector(f"tr.current >> text='{first + 1}'")
    page.click("tr button:has-text('Roll back')")
    page.wait_for_selector(f"#toasts >> text=Model {first} is in force again")
    page.wait_for_selector(f"tr.current >> text='{first}'")
    assert published.current_number(show.store) == first


def test_pictures_are_there_and_no_two_characters_look_the_same(tab: Tab) -> None:
    page = tab.page
    page.wait_for_function(
        "() => [...document.querySelectorAll('.face img')].every(i => i.complete && i.naturalWidth)"
    )
    shown = page.evaluate("[...document.querySelectorAll('.face img')].map(i => i.src)")
    assert len(set(shown)) == len(shown) == np.unique(shown).size == 6
