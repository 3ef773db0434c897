"""The page of a run: what stands on it, what is folded, and what only the full page has."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import unquote

import pytest

from bench.cli.main import main
from bench.entry import Entry
from bench.registry.registry import register
from bench.store.timings import Timing
from leaderboard.ranking.board import build_board
from leaderboard.render.files import write_page
from leaderboard.web.first_screen import ranked_lists

_LINK = re.compile(r"\]\(([^)]+)\)")


@pytest.fixture
def write(tmp_path):
    """Return a function: runs -> the text of their page, written beside its full page."""

    def written(*runs):
        write_page(build_board(runs), tmp_path / "board.md", [run.folder for run in runs])
        return (tmp_path / "board.md").read_text()

    return written


def _unfolded(page):
    return re.sub(r"<details>.*?</details>", "", page, flags=re.DOTALL)


def _tables(page):
    """Return the tables of a page, each as rows of cells, with the headers."""
    blocks = re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)
    return [
        [re.split(r" (?<!\\)\| ", line.strip("| \n")) for line in block.splitlines()]
        for block in blocks
    ]


def _overview(page):
    """Return the lines of the only table that is not folded, as dictionaries."""
    (table,) = _tables(_unfolded(page))
    headers, _, *rows = table
    return [dict(zip(headers, row, strict=True)) for row in rows]


def test_a_verdict_a_plot_and_one_table_stand_on_the_page(filled, write):
    page = write(filled[0])
    visible = _unfolded(page)
    assert re.search(r"^\*\*Attacked through its own gradients at linf 8, own loses", page, re.M)
    assert "board-plots/robustness-1.svg" in visible
    lines = _overview(page)
    assert [line["codec"] for line in lines] == ["own", "other", "identity (lossless reference)"]
    assert [line["attack"] for line in lines] == ["own gradients", "transfer", "transfer"]
    assert len(lines[0]) <= 8
    assert len(visible.splitlines()) < 40
    assert "## Columns" not in page


def test_every_figure_is_on_the_full_page_too(filled, write, tmp_path):
    lines, full = _overview(write(filled[0])), (tmp_path / "board-full.md").read_text()
    figures = re.findall(r"\d+\.\d\d", " ".join(" ".join(line.values()) for line in lines))
    assert len(figures) > 12
    assert all(figure in full for figure in figures)


def test_no_link_is_dead(filled, write, tmp_path):
    page = write(filled[0])
    targets = [unquote(target) for target in _LINK.findall(page)]
    assert "board-full.md" in targets
    for target in targets:
        path, _, anchor = target.partition("#")
        assert (tmp_path / path).is_file()
        assert not anchor or f"## {anchor.capitalize()}\n" in (tmp_path / path).read_text()


def test_other_budgets_are_folded(lab, write, tmp_path):
    made = lab(budgets=[{"linf": 4}, {"linf": 8}])
    made.clean("own", "one")
    for budget in ("linf 4", "linf 8"):
        made.budget = budget
        craft = made.craft("one", "fgsm", "distortion", ("own",))
        made.attacked("own", craft, made.scores(mse=0.01, change=1e-3, shift=1e-3))
    page = write(made.write(tmp_path / "run"))
    assert len(_tables(_unfolded(page))) == 1
    assert "<details><summary>At budget linf 8</summary>" in page
    assert "budget-1.svg" in page
    assert "budget-1.svg" not in _unfolded(page)


def test_a_codec_without_scores_says_why(lab, write, tmp_path):
    made = lab()
    made.clean("own", "one")
    reason = "cannot do it, " * 30
    made.clean("other", "one", status="failed", reason=reason)
    page = write(made.write(tmp_path / "run"))
    (line,) = (line for line in _overview(page) if line["codec"] == "other")
    assert line["remarks"].startswith("the source picture failed: cannot do it,")
    assert len(line["remarks"]) < 200
    assert reason.strip() in (tmp_path / "board-full.md").read_text()


def test_code_of_others_is_marked(lab, write, tmp_path):
    theirs = Entry("backends.toy:Toy", "a codec of somebody else")
    register("a plugin", {"codec": {"theirs": theirs}})
    listed = [{"name": "theirs", "label": "own"}, {"name": "jpeg", "quality": 9, "label": "other"}]
    made = lab(codecs=listed)
    for codec in ("own", "other"):
        made.clean(codec, "one")
        made.attacked(codec, made.craft("one", "fgsm", "rate", (codec,)), made.scores(bpp=1.5))
    run = made.write(tmp_path)
    remarks = {line["codec"]: line["remarks"] for line in _overview(write(run))}
    assert remarks["own"].startswith("external")
    assert "external" not in remarks["other"]
    assert "| own (external) |" in (tmp_path / "board-full.md").read_text()
    names = [line.name for one in ranked_lists(build_board([run]), {}) for line in one.lines]
    assert sorted(names) == ["other", "own (external)"]


def test_columns_without_any_figure_are_left_out(lab, write, tmp_path):
    made = lab()
    for codec in ("own", "other"):
        made.clean(codec, "one")
    lines = _overview(write(made.write(tmp_path / "run")))
    assert set(lines[0]) == {"codec", "attack", "PSNR dB: clean / noise / attack ↑", "remarks"}
    assert lines[0]["PSNR dB: clean / noise / attack ↑"] == "30.00 / – / –"


def test_an_unfinished_run_says_so_first(one_picture, write, tmp_path):
    page = write(one_picture().write(tmp_path / "run", cells=40))
    assert page.splitlines()[2].startswith("**Unfinished: 3 of 40 evaluations")


def test_no_table_of_bjontegaard_differences_is_all_na(filled, write, tmp_path):
    write(filled[0])
    full = (tmp_path / "board-full.md").read_text()
    assert "## Rate-distortion curves" in full
    assert "No Bjøntegaard difference exists: 1 point, 4 needed." in full
    for table in _tables(full):
        assert "n/a" not in " ".join(" ".join(row) for row in table)


def test_metrics_that_the_suite_names_are_folded(run_suite, tmp_path):
    folder = run_suite(
        """\
name: named
images: {set: sample, names: [coffee], crop: {height: 24, width: 40}}
codecs: [{name: jpeg, quality: 50}, {name: toy, label: toy}]
attacks: [fgsm]
budgets: [{linf: 8}]
metrics: [{name: error-bands, band: low}]
compute: {threads: 1}
""",
        tmp_path,
    )
    page = (folder / "leaderboard.md").read_text()
    assert "error-bands band=low" in page.partition("Metrics that the suite names")[2]
    assert "error-bands" not in " ".join(_overview(page)[0])


class TestCodingTimes:
    @pytest.fixture
    def timed(self, filled):
        """Return a function: load, threads and cores -> a run with coding times."""

        def made(load, threads=1, cores="2"):
            run = filled[0]
            suite = run.manifest.suite | {"compute": {"threads": threads}}
            update = {"suite": suite, "machine": {"cores": cores}}
            manifest = run.manifest.model_copy(update=update)
            times = {"encoding": (2.0, 1.0), "decoding": (0.5, 0.7), "load": load}
            timings = {"own": Timing(pixels=2**20, **times), "other": None}
            return replace(run, manifest=manifest, timings=timings)

        return made

    def test_are_in_tables_and_plots(self, timed, write, tmp_path):
        page = write(timed(0.25))
        assert "| own | 0.954 | 0.477 | 2 | 0.2 |" in page
        assert "| other | – | – | – | – |" in page
        assert "fastest repetition, warm, with 1 thread," in page
        assert "1.05 megapixels" in page
        full = (tmp_path / "board-full.md").read_text()
        assert full.count("## Coding times") == 1
        assert "- **encoding s/MP ↓**: seconds per megapixel to encode; see Coding times." in full
        drawn = (tmp_path / "board-plots/robustness-1.svg").read_text()
        assert "seconds per megapixel" in drawn

    @pytest.mark.parametrize(
        ("load", "threads", "words"),
        [
            (0.5, 1, "0.5 other threads were running on 2 cores (mean)."),
            (1.5, 1, "1.5 other threads were running on 2 cores (mean): the machine was busy"),
            (0.5, 2, "0.5 other threads were running on 2 cores (mean): the machine was busy"),
            (None, 1, "How busy the machine was is not known."),
        ],
    )
    def test_say_how_busy_the_machine_was(self, timed, write, load, threads, words):
        assert words in write(timed(load, threads))

    def test_have_no_plot_where_they_are_unknown(self, filled, write, tmp_path):
        assert "No coding times are known yet" in write(filled[0])
        drawn = (tmp_path / "board-plots/robustness-1.svg").read_text()
        assert "clean R-D cost" in drawn
        assert "seconds per megapixel" not in drawn


def test_show_says_nothing_of_pictures_that_are_not_there(filled, capsys):
    assert main(["show", str(filled[0].folder)]) == 0
    assert "worst adversarial picture" not in capsys.readouterr().out
