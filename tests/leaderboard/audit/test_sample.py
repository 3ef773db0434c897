"""A board as a whole: its pages, and a sample of the pictures of every entry, encoded again."""

from __future__ import annotations

import pytest

from bench.cli.main import main
from leaderboard.publish.entry import read_entry
from leaderboard.publish.published_board import entries
from tampering import TRACK, alter, entry_of, lines_of, put

TRANSFER = TRACK + "transfer: gradient-free\n"


@pytest.fixture(scope="module", autouse=True)
def published(publish_tracks):
    return publish_tracks(TRANSFER, by="tester")[1]


def _shown(entry):
    return {(worst.craft, worst.codec) for worst in entry.worst if worst.views}


def test_the_pictures_that_the_page_shows_are_encoded_again(published, capsys):
    shown = [_shown(one.entry) for one in entries(published)]
    assert len(shown) == 2
    assert all(shown)
    assert main(["verify", str(published)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == f"{sum(map(len, shown))} evaluations repeated and exactly as recorded"
    assert printed[-2].startswith(f"the pages of {published} are exactly what its 2 entries give")


def test_a_score_that_no_encoding_gives_is_named(copy, capsys):
    """Its author has mended every figure and hash that follows from it."""
    folder = entry_of(copy)
    shown = _shown(read_entry(folder))
    lines = lines_of(folder)
    cell = next(one for one in lines if (one.get("craft"), one.get("victim")) in shown)
    cell["scores"]["ssim_source"] = 0.5
    put(folder, lines)
    assert main(["verify", str(copy)]) == 1
    found = f"records.jsonl.gz: cell {cell['key']} ({cell['victim']}, {cell['picture']}"
    assert found in capsys.readouterr().out


def test_an_entry_with_a_plugin_is_skipped_unless_it_may_run(copy, capsys):
    alter(entry_of(copy), lambda entry: entry["suite"].update(plugins=["stranger.py"]))
    main(["verify", str(copy)])
    printed = capsys.readouterr().out
    assert "skipped  tiny-v1/jpeg: " in printed
    assert "names plugins, code of 'tester' that would run here: stranger.py" in printed
