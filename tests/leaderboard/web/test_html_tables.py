"""Tables with short names of codecs."""

from __future__ import annotations

from leaderboard.web.html_tables import Cell, Grid, Head, with_short_names

NAMES = {
    "mbt2018-mean-small": "mean-scale",
    "mbt2018-mean-small-q5": "mean-scale q5",
    "JPEG": "JPEG",
}


def test_cells_and_heads_have_short_names_and_keep_the_full_ones():
    made = Grid(
        run="t",
        title="t",
        about="",
        heads=(
            Head("kind", "kind of corruption", visible=True),
            Head("mbt2018-mean-small-q5 ↓", "cost", visible=True),
            Head("mbt2018-mean-small-hardened ↓", "cost", visible=True),
        ),
        lines=((Cell("mbt2018-mean-small, JPEG", None), Cell("1", "1")),),
    )
    short = with_short_names(NAMES, made)
    assert [head.text for head in short.heads] == [
        "kind",
        "mean-scale q5 ↓",
        "mbt2018-mean-small-hardened ↓",
    ]
    assert [head.meaning for head in short.heads] == [
        "kind of corruption",
        "mbt2018-mean-small-q5: cost",
        "cost",
    ]
    ((named, number),) = short.lines
    assert (named.text, named.full) == ("mean-scale, JPEG", "mbt2018-mean-small, JPEG")
    assert number == Cell("1", "1")
