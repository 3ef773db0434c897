"""What other programs read of a board."""

from __future__ import annotations

import csv
import io
import json

import pandas as pd
import pytest
from compressai.utils.plot.__main__ import main as plot

from bench.errors import BenchError
from leaderboard.columns.columns import COLUMNS
from leaderboard.ranking.board import build_board
from leaderboard.render.export import as_compressai, as_csv, as_parquet, records, rows
from leaderboard.render.files import export, write_page
from leaderboard.render.page import markdown

KEYS = """\
run codec threat pictures clean_bpp clean_psnr_db clean_luma_psnr_db clean_ms_ssim clean_vmaf
encoding_s_mp decoding_s_mp encoding_mb decoding_mb worst_psnr_db worst_luma_psnr_db
worst_ms_ssim worst_vmaf drop_db drop_median_db drop_most_db drop_percent beyond_noise_db
beyond_change_db rate rate_median rate_most rate_beyond_noise rate_beyond_lossless r_d_cost
r_d_cost_median r_d_cost_most r_d_cost_beyond_noise noise_psnr_db noise_rate noise_r_d_cost
change_psnr_db vi_db unexplained_percent black_box_drop_db black_box_rate transfer_drop_db
transfer_rate failed unsupported clean_lost psnr_by rate_by flags
"""
"""Every column of every board; entries and other programs rely on these names."""

NAMES = ["drop_db", "drop_db_low", "drop_db_high", "rate", "clean_bpp", "clean_bpp_low"]


@pytest.mark.parametrize(("write", "read"), [(as_csv, pd.read_csv), (as_parquet, pd.read_parquet)])
def test_rows_are_read_back_with_means_and_intervals(filled, write, read):
    made = build_board([filled[0]])
    found = read(io.BytesIO(write(rows(made))))
    assert list(found.codec) == ["own", "other", "identity (reference)"]
    own, line = made.rows[0], found.iloc[0]
    drop, clean = own.attack.drop_db, own.clean.bpp
    wanted = [drop.mean, drop.low, drop.high, own.attack.bpp_factor.mean, clean.mean, clean.low]
    assert [line[name] for name in NAMES] == pytest.approx(wanted)
    assert (line.pictures, line.pictures_of, line.budget) == (3, 3, "linf 8")
    assert found.drop_db.isna().tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("label", "written"),
    [
        *((formula, f"'{formula}") for formula in ("=1+1", "+1", "-1", "@x", "\uff1d1")),
        *((f"{space}=1", "\ufffd=1") for space in "\t\r\n"),
    ],
)
def test_a_label_is_no_formula_and_negative_numbers_stay_numbers(label, written, lab, tmp_path):
    """Programs for tables run a cell that begins in this way."""
    made = lab(codecs=[{"name": "toy", "label": label}])
    made.clean(label, "one")
    better = made.scores(bpp=0.5, mse=1e-4)
    made.attacked(label, made.craft("one", "fgsm", "distortion", (label,)), better)
    table = as_csv(rows(build_board([made.write(tmp_path)]))).decode()
    line = next(csv.DictReader(io.StringIO(table, newline="")))
    assert line["codec"] == written
    assert line["drop_db"] == "-10.0"


def test_columns_keep_their_names_in_exports():
    assert [column.key for column in COLUMNS] == KEYS.split()


def test_exports_keep_stored_names_that_pages_replace(tmp_path, one_picture):
    lab = one_picture()
    craft = lab.craft("one", "PGD-7", "rate", ("own",), flags=("still-rising",))
    lab.attacked("own", craft, lab.scores(bpp=1.5))
    board = build_board([lab.write(tmp_path)])
    lines = {line["codec"]: line for line in records(board)}
    assert lines["own"]["flags"] == "still-rising (1/2)"
    assert "identity (reference)" in lines
    page = markdown(board)
    assert "| not-converged (1/2) |" in page
    assert "| identity (lossless reference) |" in page


def test_a_board_without_rows_is_a_table_without_rows():
    assert as_csv(rows(build_board([]))).decode().strip() == ""
    assert len(pd.read_parquet(io.BytesIO(as_parquet(rows(build_board([])))))) == 0


def test_compressais_plot_tool_draws_the_curves(filled, tmp_path):
    export(build_board([filled[0]]), tmp_path / "curves")
    files = sorted((tmp_path / "curves").iterdir())
    assert {path.name for path in files} == {
        *(f"{codec}-unattacked.json" for codec in ("own", "other")),
        *(
            f"{codec}-linf-8-{objective}.json"
            for codec in ("own", "other")
            for objective in ("distortion", "rate")
        ),
    }
    picture = tmp_path / "plot.png"
    plot(["-f", *map(str, files), "-m", "psnr", "-o", str(picture)])
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_curve_is_the_one_of_the_board(filled):
    made = build_board([filled[0]])
    content = json.loads(as_compressai(made)["own-linf-8-rate.json"])
    (found,) = [
        one for one in made.comparisons[0].curves if (one.family, one.objective) == ("own", "rate")
    ]
    assert content["name"] == "own linf 8 rate"
    assert content["results"]["bpp"] == [point.bpp for point in found.attacked]
    assert content["results"]["psnr-rgb"] == [point.psnr for point in found.attacked]
    assert set(content["results"]) == {"bpp", "psnr-rgb", "encoding_time", "decoding_time"}


@pytest.mark.parametrize(
    ("similar", "wanted"), [((0.5, 0.8), 0.65), ((0.5, None), None), ((None, None), None)]
)
def test_curves_have_ms_ssim_where_every_picture_has_it(lab, tmp_path, similar, wanted):
    lab = lab()
    for picture, value in zip(("one", "two"), similar, strict=True):
        lab.clean("own", picture, similar=0.9)
        craft = lab.craft(picture, "fgsm", "rate", ("own",))
        lab.attacked("own", craft, lab.scores(bpp=2.0, similar=(0.9, value)))
    files = as_compressai(build_board([lab.write(tmp_path)]))
    clean, attacked = (
        json.loads(files[name])["results"]
        for name in ("own-unattacked.json", "own-linf-8-rate.json")
    )
    assert clean["ms-ssim-rgb"] == pytest.approx([0.9])
    assert attacked.get("ms-ssim-rgb") == (None if wanted is None else pytest.approx([wanted]))


def test_an_unknown_ending_is_refused(filled, tmp_path):
    with pytest.raises(BenchError, match=r"neither \.csv nor \.parquet"):
        export(build_board([filled[0]]), tmp_path / "rows.xlsx")
    with pytest.raises(BenchError, match=r"does not end in \.md"):
        write_page(build_board([filled[0]]), tmp_path / "rows.txt")


def test_the_plots_of_a_page_lie_where_it_says_and_are_the_same_every_time(filled, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_page(build_board([filled[0]]), tmp_path / name / "board.md")
    page = (tmp_path / "a/board.md").read_text()
    drawn = sorted((tmp_path / "a/board-plots").iterdir())
    assert [file.name for file in drawn] == ["robustness-1.svg"]
    assert all(f"](board-plots/{file.name})" in page for file in drawn)
    for file in drawn:
        assert file.read_bytes() == (tmp_path / "b/board-plots" / file.name).read_bytes()
