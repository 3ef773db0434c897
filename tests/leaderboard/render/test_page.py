from __future__ import annotations

import re

import pytest
from rich.console import Console

from bench.budget import L2, Linf, Mse, Region
from leaderboard.columns.attack_columns import attack_columns
from leaderboard.columns.columns import COLUMNS
from leaderboard.columns.ranking_columns import STANDING
from leaderboard.formatting import escaped
from leaderboard.ranking.board import build_board
from leaderboard.render.descriptions import allowed
from leaderboard.render.page import markdown
from leaderboard.render.page import shown as columns
from leaderboard.render.terminal import tables

EVIL = "a|b<script>alert(1)</script>`x`\n# [y](http://z) \x1b[31m_\u202e"


def _terminal(made):
    console = Console(width=120, no_color=True)
    with console.capture() as capture:
        for table in tables(made):
            console.print(table)
    return capture.get()


def _cells(made, codec):
    (row,) = [row for row in made.rows if row.place.codec == codec]
    return {column.header: column.text(row) for column in COLUMNS}


def test_the_page_says_what_was_attacked_and_how_strongly(filled):
    page = markdown(build_board([filled[0]]))
    for words in (
        "# synthetic",
        "**About:** made by hand",
        "**Pictures:** 3 (one, two, three)",
        "fgsm (7 gradients a picture); PGD-7 (pgd steps=7, 7 gradients a picture)",
        "Noise (codec-independent): sign-noise, uniform-noise",
        "distortion (largest error of the reconstruction); rate (highest rate)",
        "no colour value of a pixel changes by more than 8 of 255 levels",
        "## At budget linf 8: attacked through their own gradients",
        "## At budget linf 8: without gradients",
        "To reproduce: `bench run` with the suite's file or bundled name. The whole suite is in"
        " `manifest.json` of the run folder",
        *(f"**{column.title}**: {column.meaning}." for column in with_figures(filled)),
    ):
        assert words in page
    assert str(filled[0].folder) not in page
    assert "Unfinished" not in page


def test_the_sources_of_transfer_are_named_where_they_are_chosen(lab, tmp_path):
    for name, chosen, words in (
        ("all", [], "that was found on one of the other codecs is scored on the codecs without"),
        ("some", ["own"], "that was found on one of own is scored on the codecs without"),
    ):
        made = lab(name=name, transfer_from=chosen)
        assert words in markdown(build_board([made.write(tmp_path / name)]))


def test_codecs_with_gradients_are_not_said_to_offer_none(lab, tmp_path):
    made = lab(attacks=["square"])
    for codec in ("own", "other"):
        made.clean(codec, "one")
        craft = made.craft("one", "square", "rate", (codec,))
        made.attacked(codec, craft, made.scores(1.0, 1e-3, 2.0), threat="black-box")
    page = markdown(build_board([made.write(tmp_path)]))
    assert "These codecs were attacked without their gradients. Threats: 'black-box': adv" in page
    assert "'transfer'" not in page


def test_the_page_names_who_lost_most(filled):
    made = build_board([filled[0]])
    cells = _cells(made, "own")
    effects = (
        f"PSNR drop {cells['PSNR drop dB']} dB",
        f"excess over lossless {cells['excess over lossless dB']} dB",
        f"rate increase {cells['rate increase']}",
        f"R-D cost increase {cells['R-D cost increase']}",
    )
    assert f"{', '.join(f'{effect} (own)' for effect in effects)}." in markdown(made)


def with_figures(filled):
    """Return the columns in which the run of random numbers has a figure."""
    empty = {"clean MS-SSIM", "worst MS-SSIM", "clean VMAF", "worst VMAF"}
    empty |= {"black-box PSNR drop dB", "black-box rate increase", "encoding MB", "decoding MB"}
    empty |= {"encoding s/MP", "decoding s/MP"}
    return [column for column in COLUMNS[1:] if column.header not in empty]


def test_every_renderer_shows_the_same_columns_and_none_that_is_empty(filled):
    made = build_board([filled[0]])
    for table, without in zip(
        made.tables, ({"transfer PSNR drop dB", "transfer rate increase"}, set()), strict=True
    ):
        headers = [one.title for one in with_figures(filled) if one.header not in without]
        assert [column.title for column in columns(table)] == headers
        assert f"| {' | '.join(headers)} |" in markdown(made)
    shown = [str(column.header) for column in tables(made)[0].columns]
    assert shown == [column.title for column in COLUMNS[1:] if column.is_main]


def test_the_terminal_shows_whole_figures_in_120_columns(filled):
    made = build_board([filled[0]])
    shown, cells = _terminal(made), _cells(made, "own")
    assert max(map(len, shown.splitlines())) <= 120
    assert all(cells[column.header] in shown for column in COLUMNS[1:] if column.is_main)


def test_an_unfinished_run_says_so(tmp_path, one_picture):
    made = build_board([one_picture().write(tmp_path, cells=40)])
    sentence = "Unfinished: 3 of 40 evaluations of synthetic are done"
    assert f"**{sentence}" in markdown(made)
    assert sentence in _terminal(made)
    assert "- **unfinished**: " in markdown(made)


def test_a_run_without_records_has_a_page(tmp_path, lab):
    made = build_board([lab().write(tmp_path, cells=40)])
    assert "| own | not yet | 0/3 | – |" in markdown(made)
    assert "own" in _terminal(made)


def test_no_runs_have_a_page():
    assert markdown(build_board([])).startswith("# No runs\n")
    assert tables(build_board([])) == []


def test_flags_and_losses_are_explained(tmp_path, one_picture):
    lab = one_picture(attack=(1.0, 0.005, 0.01))
    craft = lab.craft("one", "PGD-7", "rate", ("own",), flags=("odd",))
    lab.attacked("own", craft, None, status="unsupported", reason="too | large")
    page = markdown(build_board([lab.write(tmp_path)]))
    assert "| odd (1/2); weaker-than-noise (distortion 1/1) |" in page
    assert "- **odd**: reported by the attack itself" in page
    assert "- **weaker-than-noise**: noise reached a higher value" in page
    assert r"- own, budget linf 8: the adversarial picture is unsupported: too \| large (1)" in page


def test_several_runs_keep_their_names_and_warn(tmp_path, filled, one_picture):
    other = one_picture(rd_lambda=1.0).write(tmp_path)
    other.manifest.pictures["one"] = "another hash"
    made = build_board([filled[0], other])
    assert [part.name for part in made.parts] == ["synthetic", "synthetic (2)"]
    assert len(made.rows) == 6
    page = markdown(made)
    assert "Figures of different suites are not comparable" in page
    for name in ("synthetic", "synthetic \\(2\\)"):
        assert re.search(f"## At {name}, budget linf 8: attacked through their own gradients", page)


def test_foreign_names_cannot_change_the_page(tmp_path, lab):
    lab = lab(codecs=[{"name": "toy", "label": EVIL}], description=EVIL)
    lab.clean(EVIL, "one")
    craft = lab.craft("one", EVIL, EVIL, (EVIL,), flags=(EVIL,))
    lab.attacked(EVIL, craft, None, status="failed", reason=EVIL)
    made = build_board([lab.write(tmp_path)])
    page = markdown(made)
    assert not re.search("<script|\x1b|\u202e|`x`|http://", page)
    rows = [line for line in page.splitlines() if line.startswith("|")]
    short = sum(column.is_main for column in COLUMNS)
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {
        len(STANDING) + 1,
        len(attack_columns(made.comparisons[0].attacks[0])) + 1,
        short,
        len(columns(made.tables[0])) + 1,
    }
    assert not re.search("\x1b\\[31m|\u202e", _terminal(made))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("factorized-48 q2 (5x)", "factorized-48 q2 (5x)"),
        ("a|b", r"a\|b"),
        ("a\\|b", r"a\\\|b"),
        ("<b> & `c`", r"&lt;b&gt; &amp; \`c\`"),
        ("two\nlines\t", "two lines"),
        ("http://a www.b", r"http\://a www\.b"),
        ("$x$ ~~y~~ *z*", r"\$x\$ \~\~y\~\~ \*z\*"),
    ],
)
def test_escaping(text, shown):
    assert escaped(text) == shown


def test_figures_have_the_digits_of_their_unit(tmp_path, one_picture):
    lab = one_picture(attack=(1.28, 0.02, 0.01), noise=(1.0, 0.01, 0.01))
    cells = _cells(build_board([lab.write(tmp_path)]), "own")
    wanted = {
        "clean bpp": "1.000",
        "clean PSNR dB": "30.00",
        "worst PSNR dB": "16.99",
        "PSNR drop dB": "13.01",
        "PSNR drop %": "43.4",
        "excess over noise dB": "3.01",
        "rate increase": "×1.28",
        "perturbation PSNR dB": "30.00",
        "error amplified %": "100.0",
        "failed": "0/2",
        "flags": "–",
    }
    assert {header: cells[header] for header in wanted} == wanted


def test_infinite_and_missing_figures_differ(filled):
    cells = _cells(build_board([filled[0]]), "identity")
    assert (cells["clean PSNR dB"], cells["PSNR drop dB"]) == ("∞", "–")
    assert cells["codec"] == "identity (lossless reference)"


def test_a_region_is_described_in_plain_words(tmp_path, lab):
    region = {"top": 4, "left": 5, "height": 16, "width": 24}
    lab = lab(budgets=[{"linf": 8, "region": region}])
    lab.budget = str(Linf(8, region=Region(**region)))
    lab.clean("own", "one")
    craft = lab.craft("one", "fgsm", "distortion", ("own",))
    lab.attacked("own", craft, None, status="failed", reason="lost count")
    made = build_board([lab.write(tmp_path)])
    page, heading = markdown(made), "linf 8 in 16x24 pixels at row 4, column 5"
    assert f"## At budget {heading}: attacked through" in page
    assert f"- own, budget {heading}: the adversarial picture failed" in page
    assert heading in " ".join(_terminal(made).split())
    assert "Region(" not in page + _terminal(made)


@pytest.mark.parametrize(
    ("ball", "words"),
    [
        (Linf(8), "more than 8 of 255 levels (PSNR of the perturbation at least 30.07 dB)"),
        (
            Mse(1e-4),
            "at most 0.0001 (of pictures in [0, 1]) (PSNR of the perturbation at least 40",
        ),
        (L2(500), "the L2 norm of the perturbation is at most 500 levels"),
        (Linf(4, region=Region(1, 2, 3, 5)), "only the 3x5 pixels at row 1, column 2 may change"),
    ],
)
def test_budgets_in_plain_words(ball, words):
    assert words in allowed(ball)
