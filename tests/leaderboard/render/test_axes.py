"""The tables and figures of a run's axes, wherever the board is shown."""

from __future__ import annotations

import csv
import math

import pytest

from bench.store.records import Extra
from bench.store.resources import RESOURCES, Measured, Usage
from bench.store.run_folder import read_run
from leaderboard.ranking.board import build_board
from leaderboard.render.axes.axes import axes_of
from leaderboard.render.files import export
from leaderboard.render.page import markdown
from leaderboard.render.plots import plots
from leaderboard.render.terminal import tables

RATES = (1e-5, 1e-3)
ERRORS = {
    "metrics": [
        {"name": "bit-errors", "rate": list(RATES)},
        {"name": "bit-error-psnr", "rate": list(RATES)},
        {"name": "bit-errors", "label": "usual"},
    ]
}


def _extra(value, better="lower"):
    return Extra(unit="", better=better, source=value, clean=value)


@pytest.fixture
def damaged(lab):
    """Return records of two codecs: (share, PSNR) of each rate by codec and picture."""
    made = lab(**ERRORS)
    found = {
        ("own", "one"): ((10.0, 30.0), (100.0, None)),
        ("own", "two"): ((30.0, 20.0), (80.0, 12.0)),
        ("other", "one"): ((0.0, 31.0), (50.0, 9.0)),
        ("identity", "one"): ((50.0, math.inf), (100.0, None)),
    }
    for (victim, picture), values in found.items():
        scores = made.scores(1.0, 1e-3)
        extra = {"usual": _extra(70.0)}
        for rate, (share, psnr) in zip(RATES, values, strict=True):
            extra[f"bit-errors rate={rate:g}"] = _extra(share)
            extra[f"bit-error-psnr rate={rate:g}"] = _extra(psnr, "higher")
        made._measure(
            victim=victim,
            picture=picture,
            threat="clean",
            scores=scores.model_copy(update={"extra": extra}),
        )
    return made


def test_bit_errors_are_means_over_the_pictures_that_have_a_value(damaged, tmp_path):
    (axis,) = axes_of(build_board([damaged.write(tmp_path)]))
    texts = {line.codec: [column.text(line) for column in axis.columns] for line in axis.lines}
    assert [column.header for column in axis.columns] == [
        "codec",
        "clean PSNR dB",
        *("1e-05: fail %", "0.001: fail %"),
        *("1e-05: PSNR dB", "0.001: PSNR dB"),
        "0.0001: fail %",
        *("1e-05: pictures", "0.001: pictures"),
    ]
    assert texts["own"] == ["own", "30.00", "20.0", "90.0", "25.00", "12.00", "70.0", "2", "1"]
    assert texts["identity"][4:6] == ["∞", "–"]
    shares, rests = axis.panels
    assert [one.name for one in shares.series] == ["own", "other", "identity"]
    assert shares.series[0].x == (1e-5, 1e-4, 1e-3)
    assert shares.series[0].y == (20.0, 70.0, 90.0)
    assert rests.series[0].y == (25.0, 12.0)


def test_they_are_on_the_page_in_the_terminal_and_in_exports(damaged, tmp_path):
    board = build_board([damaged.write(tmp_path / "run")])
    (plot,) = (plot for plot in plots(board, "plots") if plot.about == "bit-errors")
    assert b"probability that a bit is wrong" in plot.svg
    assert b">1e-05<" in plot.svg.replace(b"\n", b"")
    page = markdown(board, [plot])
    section = page.partition("## Bit errors: synthetic")[2].partition("\n## ")[0]
    assert "| own | 30.00 | 20.0 | 90.0 | 25.00 | 12.00 | 70.0 |" in section
    assert "(plots/bit-errors-1.svg)" in section
    assert any("bit errors" in str(table.title) for table in tables(board))
    written = export(board, tmp_path / "rows.csv")
    assert written[1].name == "rows-bit-errors.csv"
    lines = list(csv.DictReader(written[1].read_text().splitlines()))
    assert lines[0]["run"] == "synthetic"
    assert float(lines[0]["bit_errors_rate_1e_05"]) == 20
    assert lines[2]["bit_error_psnr_rate_0_001"] == ""


def test_generations_compare_the_worst_adversarial_picture_with_its_source(lab, tmp_path):
    made = lab(
        metrics=[{"name": "generations", "count": [5, 2]}, "generations", "generation-rate"],
    )
    for picture, lost in (("one", 1.0), ("two", 3.0)):
        made._measure(
            victim="own", picture=picture, threat="clean", scores=_lossy(made.scores(1.0), lost)
        )
        for attack, more in (("fgsm", 0.5), ("PGD-7", 2.0)):
            search = made.craft(picture, attack, "rate", ("own",))
            made.attacked("own", search, _lossy(made.scores(), lost + more))
        noise = made.craft(picture, "sign-noise")
        made.attacked("own", noise, _lossy(made.scores(), 9.0))
    (axis,) = axes_of(build_board([made.write(tmp_path)]))
    texts = {
        column.header: column.text(line)
        for line in axis.lines
        if line.codec == "own"
        for column in axis.columns
    }
    assert texts["dB lost in 10"] == "+20.00"
    assert texts["dB lost in 10 under attack"] == "+40.00"
    assert texts["dB lost in 10: excess"] == "+20.00"
    assert (texts["dB lost in 2"], texts["dB lost in 5"]) == ("+4.00", "+10.00")
    assert texts["bpp of generation 10"] == "2.000"
    assert [column.header for column in axis.shown if "excess" in column.header] == [
        "dB lost in 10: excess"
    ]
    clean, attacked = axis.panels
    assert (clean.series[0].x, clean.series[0].y) == ((1, 2, 5, 10), (0, 4, 10, 20))
    assert attacked.series[0].y == (0, 8, 20, 40)


def test_each_codec_is_drawn_once_for_source_pictures_and_once_for_each_budget(lab, tmp_path):
    made = lab(metrics=["generations"], budgets=[{"linf": 4}, {"linf": 8}])
    made._measure(victim="own", picture="one", threat="clean", scores=_lossy(made.scores(1.0), 1.0))
    for budget, lost in (("linf 4", 2.0), ("linf 8", 3.0)):
        made.budget = budget
        search = made.craft("one", "fgsm", "rate", ("own",))
        made.attacked("own", search, _lossy(made.scores(), lost))
    board = build_board([made.write(tmp_path)])
    (axis,) = axes_of(board)
    clean, attacked = axis.panels
    assert [(one.name, one.y[-1]) for one in clean.series] == [("own", 10.0)]
    names = ["own, linf 4", "own, linf 8"]
    assert [(one.name, one.y[-1]) for one in attacked.series] == list(
        zip(names, (20.0, 30.0), strict=True)
    )
    (drawn,) = (plot for plot in plots(board, "plots") if plot.about == "generations")
    assert all(drawn.svg.decode().count(f">{name}<") == 1 for name in ("own", *names))


def test_a_codec_that_loses_nothing_or_everything_has_no_excess(lab, tmp_path):
    made = lab(metrics=["generations"])
    for codec, lost in (("own", 0.0), ("other", math.inf)):
        extra = {"extra": {"generations": _extra(lost)}}
        for scores, search in ((made.scores(1.0), None), (made.scores(), "fgsm")):
            changed = scores.model_copy(update=extra)
            if search is None:
                made._measure(victim=codec, picture="one", threat="clean", scores=changed)
            else:
                made.attacked(codec, made.craft("one", search, "rate", (codec,)), changed)
    (axis,) = axes_of(build_board([made.write(tmp_path)]))
    (excess,) = (column for column in axis.columns if "excess" in column.header)
    assert {line.codec: excess.text(line) for line in axis.lines} == {
        "own": "+0.00",
        "other": "+0.00",
    }


def _lossy(scores, lost):
    """Return scores with a loss that grows with the generation."""
    extra = {f"generations count={count}": _extra(lost * count) for count in (2, 5)}
    rate = {"generation-rate": _extra(2.0), "generations": _extra(lost * 10)}
    return scores.model_copy(update={"extra": extra | rate})


def _usage(encoding, decoding, memory):
    peaks = {"encode_peak": memory, "decode_peak": None}
    return Usage(encoding=encoding, decoding=decoding, load=3.0, **peaks)


def test_factors_are_of_the_fastest_repetitions_and_the_slowest_adversarial_picture(lab, tmp_path):
    made = lab(resources=True)
    crafts = {}
    for picture in ("one", "two", "three"):
        made.clean("own", picture)
        crafts[picture] = made.craft(picture, "fgsm", "rate", ("own",))
        noise = made.craft(picture, "sign-noise")
        made.attacked("own", noise, made.scores(change=1e-3))
        lost = {"status": "failed", "reason": "too slow"} if picture == "three" else {}
        made.attacked("own", crafts[picture], None if lost else made.scores(), **lost)
    other = made.craft("one", "PGD-7", "rate", ("own",))
    made.attacked("own", other, made.scores())
    found = [
        ("one", None, _usage((0.3, 0.2, 0.4), (1.0,), 100)),
        ("one", crafts["one"].key, _usage((0.5, 0.9), (0.5,), 150)),
        ("one", other.key, _usage((0.8, 0.6), (0.25,), 120)),
        ("two", None, _usage((0.2,), (1.0,), 100)),
        ("two", crafts["two"].key, _usage((0.2,), (1.0,), 100)),
        ("three", None, _usage((0.2,), (1.0,), 100)),
        ("three", crafts["three"].key, None),
    ]
    made.write(tmp_path)
    measured = tuple(Measured(picture=p, craft=c, usage=u) for p, c, u in found)
    RESOURCES.write(tmp_path, {"own": measured})
    (axis,) = axes_of(build_board([read_run(tmp_path)]))
    (line,) = axis.lines
    texts = {column.key: column.text(line) for column in axis.columns}
    assert texts["encoding_time_largest"] == "×3.00"
    assert texts["encoding_time_median"] == "×2.00"
    assert texts["decoding_time_largest"] == "×1.00"
    assert texts["encoding_memory_largest"] == "×1.50"
    assert texts["decoding_memory_largest"] == "–"
    assert (texts["failures"], texts["encoding_s"], texts["other_threads"]) == (
        "1/4",
        "0.200",
        "3.0",
    )
    assert axis.panels[0].series[0].y == pytest.approx((3.0, 1.0))


def test_runs_without_them_show_nothing(lab, tmp_path):
    made = lab()
    made.clean("own", "one")
    board = build_board([made.write(tmp_path / "run")])
    assert not axes_of(board)
    assert "Bit errors" not in markdown(board)
    assert export(board, tmp_path / "rows.csv") == [tmp_path / "rows.csv"]


READING = {"metrics": [{"name": "codes-read"}, {"name": "words-read"}]}


def _read_rates(scores, codes, words):
    found = {"codes-read": _extra(codes, "higher"), "words-read": _extra(words, "higher")}
    return scores.model_copy(update={"extra": found})


@pytest.fixture
def read(lab):
    """Return records of two codecs; no word is read in picture two."""
    made = lab(**READING)
    for victim, bpp, codes in (("own", 0.5, 80.0), ("other", 2.0, 100.0)):
        for picture, words in (("one", 60.0), ("two", None)):
            clean = _read_rates(made.scores(bpp, 1e-3), codes, words)
            made._measure(victim=victim, picture=picture, threat="clean", scores=clean)
    attacks = [
        ("one", "sign-noise", (), 0.75, 10.0, 50.0),
        ("one", "fgsm", ("own",), 1.0, 20.0, 10.0),
        ("one", "pgd", ("own",), 3.0, 30.0, 0.0),
        ("two", "fgsm", ("own",), 1.0, 60.0, None),
    ]
    for picture, attack, sources, bpp, codes, words in attacks:
        craft = made.craft(picture, attack, "rate" if sources else None, sources)
        made.attacked("own", craft, _read_rates(made.scores(0.5, bpp=bpp), codes, words))
    return made


def test_shares_are_the_lowest_of_each_picture_and_noise_is_no_attack(read, tmp_path):
    (axis,) = axes_of(build_board([read.write(tmp_path)]))
    texts = {line.codec: [column.text(line) for column in axis.columns] for line in axis.lines}
    assert [column.header for column in axis.columns] == [
        *("codec", "budget", "bpp clean", "bpp noise", "bpp attacked"),
        *("codes-read clean %", "codes-read noise %", "codes-read attacked %"),
        *("words-read clean %", "words-read noise %", "words-read attacked %"),
    ]
    assert texts["own"][2:] == [
        *("0.500", "0.750", "2.000"),
        *("80.0", "10.0", "40.0", "60.0", "50.0", "0.0"),
    ]
    assert texts["other"][2:] == ["2.000", "–", "–", "100.0", "–", "–", "60.0", "–", "–"]
    assert [panel.up for panel in axis.panels] == [
        *("codes-read clean, %", "codes-read attacked, %"),
        *("words-read clean, %", "words-read attacked, %"),
    ]
    points = {one.name: (one.x, one.y) for one in axis.panels[1].series}
    assert points["own, linf 8"] == ((2.0,), (40.0,))


def test_the_shares_are_on_the_page_and_in_exports(read, tmp_path):
    board = build_board([read.write(tmp_path / "run")])
    (plot,) = (plot for plot in plots(board, "plots") if plot.about == "reading")
    assert b">1.5<" in plot.svg.replace(b"\n", b"")  # less than a decade of rates has labels too
    section = markdown(board, [plot]).partition("## Reading: synthetic")[2].partition("\n## ")[0]
    assert (
        "| own | linf 8 | 0.500 | 0.750 | 2.000 | 80.0 | 10.0 | 40.0 | 60.0 | 50.0 | 0.0 |"
        in section
    )
    assert "(plots/reading-1.svg)" in section
    written = export(board, tmp_path / "rows.csv")
    assert written[1].name == "rows-reading.csv"
    lines = list(csv.DictReader(written[1].read_text().splitlines()))
    assert float(lines[0]["codes_read_attacked"]) == 40
    assert lines[1]["words_read_noise"] == ""
