"""The published page as a browser shows it: no error, no network, tables, plots and sliders."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from bench.store.records import Scores
from leaderboard.ranking.board import build_board
from leaderboard.web.first_screen import as_json, ranked_lists
from leaderboard.web.html_tables import tables
from leaderboard.web.plotly_charts import charts

TRACK = """\
name: tiny-v1
images: {set: sample, names: [chelsea, coffee], crop: {height: 32, width: 48}}
codecs:
  - {name: toy, label: toy}
  - {name: toy, gain: 1.2, label: "bright <b>toy</b>"}
  - {name: jpeg, quality: [10, 30, 60, 90], label: "JPEG q {quality}"}
attacks: [fgsm]
objectives: [distortion, rate]
budgets: [{linf: 4}, {linf: 8}]
compute: {threads: 1}
"""
OTHER = """\
name: tiny-v2
images: {set: sample, names: [coffee], crop: {height: 32, width: 32}}
codecs: [{name: toy, label: mbt2018-mean-small-q5}, {name: jpeg, quality: 50, label: JPEG}]
attacks: [fgsm]
budgets: [{linf: 8}]
compute: {threads: 1}
"""
DARK = {"light": "", "dark": "dark"}
AXE = Path(__file__).parents[3] / "node_modules" / "axe-core"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="module")
def published(publish_tracks):
    _, to = publish_tracks(TRACK, OTHER, by="tester")
    return to / "index.html"


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"there is no browser here: none of {', '.join(BROWSERS)}")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser, published):
    shown = browser.new_page()
    shown.problems, shown.asked = [], []
    shown.on(
        "console", lambda entry: entry.type in {"error", "warning"} and _note(shown, entry.text)
    )
    shown.on("pageerror", lambda error: _note(shown, str(error)))
    shown.on("request", lambda request: shown.asked.append(request.url.partition(":")[0]))
    shown.goto(published.as_uri())
    shown.wait_for_selector("html[data-ready=yes]", timeout=300_000)
    yield shown
    shown.close()


def _note(shown, text):
    shown.problems.append(text)


def _with_lines(published, count, to):
    """Return the page with lists of some lines: copies of the first one."""
    before, start, rest = published.read_text().partition(' id="lists">')
    data, end, rest = rest.partition("</script>")
    lists = json.loads(data)
    for one in lists["lists"]:
        one["lines"] = one["lines"][:1] * count
    to.write_text(before + start + json.dumps(lists) + end + rest)
    return to


def _table(page, title):
    return page.locator(f'table.board[aria-label="{title}"]')


def _open_tables(page):
    page.locator("#tables > summary").click()


def _ranking(page):
    rows = page.locator("#ranking tbody tr")
    return [rows.nth(i).locator("th, td").all_inner_texts() for i in range(rows.count())]


def test_it_loads_without_an_error_or_a_request(page):
    assert page.problems == []
    assert set(page.asked) <= {"file", "data", "blob"}
    assert page.asked.count("file") == 1


PLACES = ["h1", ".lead", ".four", "#robustness .plot svg", "#ranking", "#trust", "#add"]


@pytest.mark.parametrize(("width", "height", "columns"), [(1400, 900, 8), (390, 844, 5)])
def test_the_first_screen_answers_the_questions_of_a_visitor(page, width, height, columns):
    page.set_viewport_size({"width": width, "height": height})
    page.reload()
    page.wait_for_selector("html[data-ready=yes]", timeout=300_000)
    for place in PLACES:
        box = page.locator(place).first.bounding_box()
        assert box["y"] + box["height"] <= height, place
    assert page.locator("#ranking thead th:visible").count() == columns
    assert page.locator("#add code").first.inner_text() == "bench run tiny-v1 --codec NAME"
    assert len(page.locator(".lead").inner_text()) < 200


@pytest.mark.parametrize(("width", "rows"), [(1400, 10), (390, 5)])
def test_the_table_shows_the_first_rows_until_asked_for_all(page, published, tmp_path, width, rows):
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(_with_lines(published, 11, tmp_path / "index.html").as_uri())
    page.wait_for_selector("html[data-ready=yes]", timeout=300_000)
    assert len(_ranking(page)) == rows
    page.get_by_role("button", name="Show all 11").click()
    assert len(_ranking(page)) == 11
    page.get_by_role("button", name=f"Show {rows}").click()
    assert len(_ranking(page)) == rows


def test_the_example_shows_the_largest_drop_through_own_gradients(page):
    assert page.locator(".example img").count() == 4
    sizes = page.locator(".example img").evaluate_all("all => all.map((one) => one.naturalWidth)")
    assert min(sizes) > 0
    assert "toy" in page.locator(".example figcaption").inner_text()


def test_the_table_is_that_of_the_chosen_track_and_list(page):
    assert {row[1] for row in _ranking(page)} == {"toy", "bright <b>toy</b>"}
    page.locator("#how").select_option("attacked without gradients")
    (row,) = _ranking(page)
    assert row[1].startswith("JPEG q ")
    page.locator("#track").select_option("tiny-v2")
    (row,) = _ranking(page)
    assert row[1] == "JPEG"
    assert page.locator("#trust").inner_text().startswith("1 picture,")


def test_the_table_is_sorted_by_what_is_chosen(page):
    for key, column in (("drop", 4), ("growth", 5)):
        page.locator("#order").select_option(key)
        rows = _ranking(page)
        unranked = [row[0] == "–" for row in rows]
        assert unranked == sorted(unranked)
        ranked = [row[column].strip("≥ ×") for row in rows if row[0] != "–"]
        assert ranked == sorted(ranked, key=float)
        assert ranked


def test_the_address_keeps_the_state(page):
    page.locator("#track").select_option("tiny-v2")
    page.locator("#how").select_option("attacked without gradients")
    page.locator("#order").select_option("growth")
    page.locator("#filter").fill("jp")
    before = _ranking(page)
    page.reload()
    page.wait_for_selector("html[data-ready=yes]", timeout=300_000)
    assert _ranking(page) == before
    assert page.locator("#order").input_value() == "growth"
    assert page.locator("#filter").input_value() == "jp"


def test_a_click_on_a_codec_shows_all_of_it(page):
    link = page.locator("#ranking a", has_text="bright")
    link.click()
    panel = page.locator(".panel:visible")
    panel.wait_for()
    assert panel.count() == 1
    assert panel.locator("h2").inner_text() == "bright <b>toy</b>"
    assert panel.locator("table.board").count() == 2  # one for each budget
    assert panel.locator(".plot svg.main-svg").count() > 0
    assert panel.locator("code", has_text="bench verify leaderboard/entries/tiny-v1").count() == 1
    page.reload()
    page.wait_for_selector("html[data-ready=yes]", timeout=300_000)
    assert page.locator(".panel:visible h2").inner_text() == "bright <b>toy</b>"
    page.locator(".panel:visible .close").click()
    page.wait_for_function("document.querySelector('.panel:not([hidden])') === null")


def test_two_codecs_stand_side_by_side_under_one_loupe(page):
    page.locator("#side-by-side > summary").click()
    page.locator("#view").select_option("reconstruction under attack")
    images = page.locator(".pair img")
    loaded = "all => all.every((one) => one.complete && one.naturalWidth > 0)"
    page.wait_for_function(
        "() => [...document.querySelectorAll('.pair img')].every((one) => one.naturalWidth > 0)"
    )
    assert images.evaluate_all(loaded)
    first, second = (images.nth(i).get_attribute("src") for i in range(2))
    assert first != second
    page.locator(".pair figure").first.focus()
    transforms = images.evaluate_all("all => all.map((one) => one.style.transform)")
    assert transforms == ["scale(3)"] * 2
    before = images.first.evaluate("one => one.style.transformOrigin")
    page.keyboard.press("ArrowRight")
    after = images.evaluate_all("all => all.map((one) => one.style.transformOrigin)")
    assert before not in after
    assert after[0] == after[1]


def test_best_known_attacks_stand_on_the_second_row(page):
    rows = page.locator(".cards tbody tr:visible")
    assert rows.count() == 6  # three codecs at two budgets
    assert "this track" in rows.first.inner_text()
    assert "bench publish --challenge" in page.locator(".cards").inner_text()


def test_one_track_can_be_shown_alone(page):
    _open_tables(page)
    parts = page.locator("#tables [data-run]")
    runs = [parts.nth(i).get_attribute("data-run") for i in range(parts.count())]
    assert set(runs) == {"tiny-v1", "tiny-v2"}
    page.locator("select#run").select_option("tiny-v2")
    shown = [parts.nth(i).is_visible() for i in range(parts.count())]
    assert not any(is_shown for run, is_shown in zip(runs, shown, strict=True) if run == "tiny-v1")
    assert _table(page, "tiny-v2, linf 8: without gradients").is_visible()
    page.locator("select#run").select_option("all tracks")
    assert _table(page, "tiny-v1, linf 8: without gradients").is_visible()
    assert page.problems == []


def test_the_summary_says_who_lost_most_on_which_track(page):
    _open_tables(page)
    lines = _table(page, "Summary").locator("tbody tr").all_inner_texts()
    assert len(lines) == 6
    assert [line.split(",")[0] for line in lines] == ["tiny-v1"] * 4 + ["tiny-v2"] * 2


SORTED = """([table, column, sign]) => {
    const cells = [...table.tBodies[0].rows].map((row) => row.cells[column]);
    const numbers = cells.map((cell) => Number(cell.dataset.order));
    const shown = cells.map((cell) => cell.innerText);
    const pairs = numbers.slice(1).map((number, index) => sign * (number - numbers[index]));
    return new Set(shown).size > 3 && pairs.every((step) => step >= 0);
}"""
"""Rows come in order some time after the click."""


def test_tables_sort_by_their_numbers(page):
    _open_tables(page)
    table = _table(page, "tiny-v1, linf 8: without gradients")
    titles = table.locator("thead th").all_inner_texts()
    place = next(i for i, title in enumerate(titles) if title.startswith("clean PSNR dB"))
    head, rows = table.locator("thead th").nth(place), table.locator("tbody tr")
    for sign, last in ((1, "identity"), (-1, "JPEG q 10")):
        head.click()
        page.wait_for_function(SORTED, arg=[table.element_handle(), place, sign])
        assert last in rows.nth(4).inner_text()


def test_tables_filter(page):
    _open_tables(page)
    table = _table(page, "tiny-v1, linf 8: without gradients")
    assert table.locator("tbody tr").count() == 5
    section = page.locator("section.grid", has=table)
    section.get_by_role("searchbox").fill("q 30")
    page.wait_for_function(
        "table => table.tBodies[0].rows.length === 1", arg=table.element_handle()
    )
    assert "JPEG q 30" in table.locator("tbody").inner_text()


def test_tables_show_short_names_and_find_full_ones(page):
    _open_tables(page)
    table = _table(page, "tiny-v2, linf 8: attacked through their own gradients")
    cell = table.locator("tbody td.name", has_text="mean-scale q5")
    assert (cell.inner_text(), cell.get_attribute("title")) == (
        "mean-scale q5",
        "mbt2018-mean-small-q5",
    )
    summary = _table(page, "Summary")
    section = page.locator("section.grid", has=summary)
    section.get_by_role("searchbox").fill("mbt2018-mean-small")
    page.wait_for_function(
        "table => table.tBodies[0].rows.length === 1", arg=summary.element_handle()
    )
    assert "mean-scale q5" in summary.locator("tbody").inner_text()


def test_hidden_columns_can_be_shown(page):
    _open_tables(page)
    table = _table(page, "tiny-v1, linf 8: without gradients")
    before = table.locator("thead th").count()
    section = page.locator("section.grid", has=table)
    section.get_by_role("button", name="Columns").click()
    page.locator(".dt-button-collection").get_by_text("median PSNR drop dB").click()
    assert table.locator("thead th").count() == before + 1


def test_a_slider_moves_by_mouse_and_by_key(page):
    page.locator("#ranking a").first.click()
    viewer = page.locator(".viewer:visible").first
    slider, over = viewer.locator("input[type=range]"), viewer.locator(".over")
    clip = "element => element.style.clipPath"
    assert "50%" in over.evaluate(clip)
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert "49%" in over.evaluate(clip)
    box = slider.bounding_box()
    page.mouse.click(box["x"] + 2, box["y"] + box["height"] / 2)
    assert "100%" in over.evaluate(clip) or "99%" in over.evaluate(clip)


def test_every_view_can_be_shown_and_is_a_picture(page):
    page.locator("#ranking a").first.click()
    viewer = page.locator(".viewer:visible").first
    names = viewer.locator(".left option").all_inner_texts()
    assert names == [
        *("source picture", "adversarial picture"),
        *("clean reconstruction", "reconstruction under attack"),
        *("perturbation ×10", "change of the reconstruction ×10"),
        *("bits, clean", "bits, under attack"),
    ]
    for name in names:
        viewer.locator(".left").select_option(name)
        page.wait_for_function(
            "image => image.complete && image.naturalWidth > 0",
            arg=viewer.locator(".over").element_handle(),
        )
        assert viewer.locator(".over").get_attribute("alt") == name


def test_codecs_that_cannot_tell_where_their_bits_lie_have_no_map(page):
    page.locator("#how").select_option("attacked without gradients")
    page.locator("#ranking a").first.click()
    viewer = page.locator(".viewer:visible").first
    assert "bits, clean" not in viewer.locator(".left option").all_inner_texts()


def test_plots_are_drawn_when_they_are_shown(page):
    _open_tables(page)
    drawn = "all => all.every((one) => one.querySelector('svg'))"
    page.wait_for_function(f"() => ({drawn})([...document.querySelectorAll('#tables .plot')])")
    assert page.locator("#tables .plot svg.main-svg").count() >= 6


def test_foreign_names_are_text(page):
    _open_tables(page)
    page.locator("#ranking a", has_text="bright").click()
    assert page.locator("b", has_text="toy").count() == 0
    for place in ("table.board td", ".viewer:visible figcaption", ".panel:visible h2"):
        assert page.locator(place, has_text="bright <b>toy</b>").count() > 0
    labels = page.locator("#robustness .textpoint, #robustness .annotation")
    assert labels.filter(has_text="bright <b>toy</b>").count() > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_has_no_serious_accessibility_problem(page, scheme):
    axe = AXE / "axe.min.js"
    if not axe.is_file():
        pytest.skip("axe-core is not installed: npm install axe-core")
    page.emulate_media(color_scheme=scheme)
    page.locator("#ranking a").first.click()
    _open_tables(page)
    page.evaluate(axe.read_text())
    found = page.evaluate("axe.run()")["violations"]
    serious = [one for one in found if one["impact"] in {"serious", "critical"}]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in serious] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(page, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.documentElement.scrollWidth <= 390")
    page.wait_for_function(f"document.documentElement.className === '{DARK[scheme]}'")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 28)"}[scheme]


def _nudged(run):
    """Return a run whose scores differ in their last bit, as between processors."""
    floats = [name for name, one in Scores.model_fields.items() if "float" in str(one.annotation)]
    for record in run.measures:
        if (one := record.scores) is not None:
            values = {name: getattr(one, name) for name in floats if getattr(one, name) is not None}
            moved = {
                name: math.nextafter(value, math.inf) for name, value in values.items() if value
            }
            yield record.model_copy(update={"scores": one.model_copy(update=moved)})


def test_the_last_bits_of_a_figure_do_not_reach_the_page(filled):
    run = filled[0]
    other = replace(run, measures=list(_nudged(run)))
    made = [build_board([one]) for one in (run, other)]
    before, after = ([row.attack.psnr.mean for row in one.rows] for one in made)
    assert before != after
    assert charts(made[0]) == charts(made[1])
    assert list(tables(made[0])) == list(tables(made[1]))
    before, after = (list(map(as_json, ranked_lists(one, {}))) for one in made)
    assert before == after
