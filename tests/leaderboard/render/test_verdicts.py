"""The board in short says what its tables say."""

from __future__ import annotations

from leaderboard.columns.columns import COLUMNS
from leaderboard.ranking.board import build_board
from leaderboard.render.summary import VERDICTS, verdicts


def _cells(made, codec):
    (row,) = [row for row in made.rows if row.place.codec == codec]
    return {column.header: column.text(row) for column in COLUMNS}


def test_each_list_has_a_line_of_its_figures(filled):
    made = build_board([filled[0]])
    found = {line.how: line for line in verdicts(made)}
    for how, codec in (
        ("attacked through their own gradients", "own"),
        ("attacked without gradients", "other"),
    ):
        cells = _cells(made, codec)
        assert found[how].drop == f"{cells['PSNR drop dB']} dB: {codec}"
        assert found[how].rate == f"{cells['rate increase']}: {codec}"
        assert found[how].flagged == f"{int(cells['flags'] != '–')}/1"
    assert len(found) == 2


def test_nothing_is_said_of_what_was_not_attacked(lab, tmp_path):
    made = lab()
    for codec in made.codecs:
        made.clean(codec, "one")
    for line in verdicts(build_board([made.write(tmp_path)])):
        assert (line.drop, line.rate, line.first) == ("–", "–", "fewer than two codecs are ranked")


def test_headers_differ():
    headers = [field.header for field in VERDICTS]
    assert len(set(headers)) == len(headers)
