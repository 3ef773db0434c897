"""Corrupted pictures: their figures in closed form, and that no figure of an attack has them."""

from __future__ import annotations

import csv
import io
import json
import re

import numpy as np
import pytest

from attacks.corruptions.kinds import corrupted
from bench.cli.main import main
from bench.images import image_set, reader
from bench.metrics.scores import rd_cost
from bench.store.records import Extra
from bench.store.run_folder import read_run
from leaderboard.aggregate.suite_info import setting
from leaderboard.ranking.board import build_board
from leaderboard.render.export import as_compressai, as_csv, corruptions, rows
from leaderboard.render.page import markdown
from leaderboard.render.plots import plots

LAMBDA = 0.013
PICTURES = ("one", "two", "three")
QUALITIES = (20, 40, 60, 80)
LABELS = [f"JPEG q {quality}" for quality in QUALITIES]
BANDS = ("low", "middle", "high")
CHANGES = {
    "codecs": [{"name": "jpeg", "quality": list(QUALITIES), "label": "JPEG q {quality}"}],
    "attacks": [{"name": "corruption", "kind": ["fog", "snow"], "severity": [1, 5]}],
    "budgets": [{"unlimited": True}],
    "metrics": [{"name": "error-bands", "band": list(BANDS)}],
}


def _label(kind, severity):
    return f"corruption kind={kind} severity={severity}"


def _clean(index):
    """Return rate and error of a quality; the third one has the lowest J."""
    return 0.2 * 2**index, 4e-3 / 4**index


@pytest.fixture
def made(lab):
    """Return a function: (kind, severity, rate factor, error factor) ... -> records."""

    def records(*found, shares=(0.5, 0.3, 0.2)):
        made = lab(**CHANGES)
        made.budget = "unlimited"
        crafts = {
            (picture, kind, severity): made.craft(picture, _label(kind, severity))
            for picture in PICTURES
            for kind, severity, *_ in found
        }
        for index, label in enumerate(LABELS):
            bpp, mse = _clean(index)
            for picture in PICTURES:
                made.clean(label, picture, bpp, mse)
                for kind, severity, more, worse in found:
                    scores = made.scores(bpp, mse, bpp * more, 0.5).model_copy(
                        update={
                            "mse_input": mse * worse,
                            "psnr_input": -10 * np.log10(mse * worse),
                            "extra": _extra(shares),
                        }
                    )
                    craft = crafts[picture, kind, severity]
                    made.attacked(label, craft, scores, threat="corruption")
        return made

    return records


def _extra(shares):
    return {
        f"error-bands band={band}": Extra(unit="levels²", better="lower", source=share, clean=1.0)
        for band, share in zip(BANDS, shares, strict=True)
    }


def _codec(made, folder):
    (one,) = build_board([made.write(folder)]).comparisons
    (codec,) = one.corrupted
    return codec


def test_the_cost_is_that_against_the_codecs_own_input(made, tmp_path):
    codec = _codec(made(("fog", 1, 3.0, 2.0), ("fog", 5, 5.0, 0.5)), tmp_path)
    assert (codec.family, codec.codec) == ("JPEG", "JPEG q 60")
    bpp, mse = _clean(2)
    clean = rd_cost(bpp, mse, LAMBDA)
    first, last = rd_cost(3 * bpp, 2 * mse, LAMBDA), rd_cost(5 * bpp, mse / 2, LAMBDA)
    (fog,) = codec.effects
    assert fog.by_severity[1].value == pytest.approx(first / clean)
    assert fog.by_severity[5].value == pytest.approx(last / clean)
    assert fog.cost.value == codec.cost.value == pytest.approx((first + last) / 2 / clean)
    assert fog.bands == pytest.approx((0.5, 0.3, 0.2))
    assert codec.clean_bands is None  # the clean records made by hand have no metric


@pytest.mark.parametrize("more", [0.7, 1.0, 2.0])
def test_the_bd_rate_is_the_growth_of_the_rate_at_equal_error(more, made, tmp_path):
    codec = _codec(made(("snow", 1, more, 1.0), ("snow", 5, more, 1.0)), tmp_path)
    assert codec.effects[0].rate.value == pytest.approx(100 * (more - 1))
    assert [one.value for one in codec.rates.values()] == pytest.approx([100 * (more - 1)] * 2)


def test_the_bd_psnr_is_the_loss_at_equal_rate(made, tmp_path):
    codec = _codec(made(("snow", 1, 1.0, 2.0)), tmp_path)
    assert codec.effects[0].psnr.value == pytest.approx(-10 * np.log10(2))


def test_a_codec_that_supports_no_corrupted_picture_says_so(lab, tmp_path):
    made = lab(**CHANGES)
    made.budget = "unlimited"
    made.clean("JPEG q 20", "one")
    craft = made.craft("one", _label("fog", 1))
    reason = {"status": "unsupported", "reason": "too foggy"}
    made.attacked("JPEG q 20", craft, None, threat="corruption", **reason)
    board = build_board([made.write(tmp_path)])
    assert plots(board, "plots") == []
    page = markdown(board)
    assert "JPEG q 20: too foggy (1)" in page
    assert "| JPEG q 20 | not attacked |" in page


def test_a_corrupted_picture_without_scores_of_its_source_does_not_count(made, tmp_path):
    records = made(("fog", 1, 3.0, 2.0))
    whole = _codec(records, tmp_path / "whole")
    records.records = [
        one
        for one in records.records
        if (one.kind, one.picture) != ("measure", "one") or one.threat != "clean"
    ]
    codec = _codec(records, tmp_path / "part")
    assert codec.cost.value == pytest.approx(whole.cost.value)
    assert {point.pictures for point in codec.points} == {2}


def test_curves_that_do_not_overlap_have_no_bd_rate(made, tmp_path):
    codec = _codec(made(("snow", 1, 1.0, 1e4)), tmp_path)
    assert codec.effects[0].rate.value is None
    assert "overlap" in codec.effects[0].rate.reason


def test_kinds_and_severities_have_the_order_of_the_suite(made, tmp_path):
    found = [("snow", 5, 1, 1), ("fog", 5, 1, 1), ("snow", 1, 1, 1), ("fog", 1, 1, 1)]
    codec = _codec(made(*found), tmp_path)
    assert [effect.kind for effect in codec.effects] == ["fog", "snow"]
    assert [list(effect.by_severity) for effect in codec.effects] == [[1, 5], [1, 5]]


def test_a_failure_counts_as_grey_and_is_named(made, tmp_path):
    records = made(("fog", 1, 1.0, 1.0))
    craft = records.craft("one", _label("snow", 1))
    reason = {"status": "failed", "reason": "the decoder crashed"}
    records.attacked("JPEG q 60", craft, None, threat="corruption", **reason)
    board = build_board([records.write(tmp_path)])
    (codec,) = board.comparisons[0].corrupted
    bpp, mse = _clean(2)
    snow = codec.cost_of("snow")
    assert snow.value == pytest.approx(
        rd_cost(24, (128 / 255) ** 2, LAMBDA) / rd_cost(bpp, mse, LAMBDA)
    )
    assert "JPEG q 60: the decoder crashed (1)" in markdown(board)
    (line,) = (one for one in corruptions(board).lines if one["kind"] == "snow")
    assert (line["failed"], line["pictures"]) == (1, 1)


def test_no_figure_of_an_attack_has_corrupted_pictures(made, tmp_path):
    """They would be the worst case by far."""
    board = build_board([made(("fog", 5, 50.0, 100.0)).write(tmp_path)])
    for row in board.rows:
        assert (row.attack, row.noise, row.gain, row.by_threat) == (None, None, None, {})
        assert (row.losses.cells, row.flags) == (0, ())
    assert {row.place.threat for row in board.rows if not row.reference} == {"not attacked"}
    assert board.comparisons[0].rankings == ()
    assert board.comparisons[0].attacks == ()


def test_exports_have_a_line_for_each_operating_point_kind_and_severity(made, tmp_path):
    board = build_board([made(("fog", 1, 3.0, 2.0), ("snow", 5, 1.0, 1.0)).write(tmp_path)])
    lines = list(csv.DictReader(io.StringIO(as_csv(corruptions(board)).decode())))
    assert len(lines) == 2 * len(LABELS)
    (line,) = (one for one in lines if (one["codec"], one["kind"]) == ("JPEG q 20", "fog"))
    bpp, mse = _clean(0)
    assert float(line["bpp"]) == pytest.approx(3 * bpp)
    assert float(line["clean_bpp"]) == pytest.approx(bpp)
    assert float(line["psnr_input_db"]) == pytest.approx(-10 * np.log10(2 * mse))
    assert [float(line[f"error_{band}"]) for band in BANDS] == pytest.approx([0.5, 0.3, 0.2])
    curves = {name: json.loads(content) for name, content in as_compressai(board).items()}
    assert set(curves) == {"JPEG-unattacked.json", "JPEG-fog.json", "JPEG-snow.json"}
    rates = [3 * _clean(index)[0] for index in range(4)]
    assert curves["JPEG-fog.json"]["results"]["bpp"] == pytest.approx(rates)
    assert "fog" not in as_csv(rows(board)).decode()


SUITE = """\
name: {name}
seed: {seed}
images: {{set: sample, names: [coffee, chelsea], crop: {{height: 24, width: 40}}}}
codecs: [toy, {{name: jpeg, quality: [40, 80], label: "JPEG q {{quality}}"}}]
attacks: [{attacks}]
objectives: [distortion]
budgets: [{budgets}]
metrics: [{{name: error-bands, band: [low, middle, high]}}]
compute: {{threads: 1}}
"""
CORRUPTED = {"attacks": "{name: corruption, kind: [fog, glass_blur], severity: [1, 3]}"}
FREE, LIMITED = "unlimited: true", "linf: 8"


@pytest.fixture(scope="module")
def folder(tmp_path_factory, run_suite):
    text = SUITE.format(name="corrupted", seed=3, budgets=FREE, **CORRUPTED)
    return run_suite(text, tmp_path_factory.mktemp("corrupted"))


def _pictures(folder):
    """Return the corrupted pictures by source picture and corruption."""
    crafts = read_run(folder).crafts.values()
    saved = ((one, folder / "adversarial" / f"{one.key}.png") for one in crafts)
    return {(one.picture, one.attack): reader.read(path).image for one, path in saved}


def test_the_pictures_follow_from_seed_and_pixels(folder, run_suite, tmp_path):
    found = _pictures(folder)
    assert len(found) == 8
    (tmp_path / "other").mkdir()
    text = SUITE.format(name="other", seed=4, budgets=FREE, **CORRUPTED)
    other = _pictures(run_suite(text, tmp_path / "other"))
    for name, picture in found.items():
        assert not np.array_equal(picture, other[name])
    sources = {
        one.name: one.pixels for one in image_set.load(setting(read_run(folder)).images, folder)
    }
    crafts = list(read_run(folder).crafts.values())
    assert len({one.seed for one in crafts}) == 2  # one for each picture
    for craft in crafts:
        import torch

        seed = int(torch.randint(2**32, (), generator=torch.Generator().manual_seed(craft.seed)))
        kind, severity = re.findall(r"=(\w+)", craft.attack)
        expected = corrupted(sources[craft.picture], kind, int(severity), seed)
        assert np.array_equal(found[craft.picture, craft.attack], expected)


def test_a_run_has_a_section_a_figure_and_no_noise(folder):
    run = read_run(folder)
    assert {record.threat for record in run.measures} == {"clean", "corruption"}
    page = (folder / "leaderboard.md").read_text()
    assert "## Corruptions" in page
    assert "leaderboard-plots/corruptions-1.svg" in page
    assert (folder / "leaderboard-plots" / "corruptions-1.svg").is_file()
    assert "**Corruptions**, which are no attacks: fog, glass\\_blur; severities 1, 3." in page
    assert "## Ranking" not in page
    assert "Noise (codec-independent)" not in page
    assert main(["verify", str(folder)]) == 0


def test_export_writes_a_second_file(folder, tmp_path, capsys):
    for ending in ("csv", "parquet"):
        assert main(["export", str(folder), "-o", str(tmp_path / f"rows.{ending}")]) == 0
        assert (tmp_path / f"rows-corruptions.{ending}").is_file()
    assert f"{tmp_path / 'rows-corruptions.csv'}" in capsys.readouterr().out


def test_a_suite_with_attacks_keeps_its_figures(run_suite, tmp_path):
    """Corruptions and attacks in one suite: each has its budget, and no figure changes."""
    boards = []
    mixed = f"fgsm, {CORRUPTED['attacks']}"
    for name, attacks, budgets in (
        ("alone", "fgsm", f"{{{LIMITED}}}"),
        ("mixed", mixed, f"{{{LIMITED}}}, {{{FREE}}}"),
    ):
        (tmp_path / name).mkdir()
        text = SUITE.format(name=name, seed=3, attacks=attacks, budgets=budgets)
        boards.append(build_board([read_run(run_suite(text, tmp_path / name))]))
    alone, mixed = (
        {row.place.codec: row for row in board.rows if row.place.budget == "linf 8"}
        for board in boards
    )
    for codec, row in alone.items():
        assert mixed[codec].attack == row.attack
        assert mixed[codec].noise == row.noise
        assert mixed[codec].flags == row.flags
    limited, free = boards[1].comparisons
    assert [len(one.corrupted) for one in (limited, free)] == [0, 2]
    assert free.rankings == ()
    assert [r.standings[0].rank for r in limited.rankings] == [
        r.standings[0].rank for r in boards[0].comparisons[0].rankings
    ]
    page = markdown(boards[1], plots(boards[1], "plots"))
    assert page.count("## Corruptions") == 1


PLUGIN = """\
from dataclasses import dataclass
from typing import ClassVar

import torch

from bench.attack import AttackResult
from bench.entry import Entry


@dataclass(frozen=True)
class Negative:
    needs: ClassVar = "nothing"
    budgets: ClassVar = ("unlimited",)
    version: ClassVar[int] = 1
    evaluations: ClassVar[int] = 0
    severity: str = ""

    def __call__(self, target, images, budget, rngs):
        return AttackResult(1 - images, images.new_empty(0, len(images)))


ATTACKS = {"negative": Entry(Negative, "the negative")}
"""


@pytest.mark.parametrize(
    ("attack", "kind"),
    [
        ("negative", "negative"),
        ("{name: negative, severity: high}", "negative severity=high"),
        ('{name: negative, severity: "0.5"}', "negative severity=0.5"),
    ],
)
def test_a_plugin_can_add_a_corruption(run_suite, tmp_path, attack, kind):
    (tmp_path / "negative.py").write_text(PLUGIN)
    text = SUITE.format(name="negative", seed=3, attacks=attack, budgets=FREE)
    folder = run_suite(f"plugins: [negative.py]\n{text}", tmp_path)
    (one,) = build_board([read_run(folder)]).comparisons
    (effect,) = one.corrupted[0].effects
    assert (effect.kind, list(effect.by_severity)) == (kind, [1])
    for (name, _), picture in _pictures(folder).items():
        sources = image_set.load(setting(read_run(folder)).images, folder)
        (source,) = (one.pixels for one in sources if one.name == name)
        assert np.array_equal(picture, 255 - source)


@pytest.fixture(scope="module")
def board(publish_tracks):
    text = SUITE.format(name="tiny-v1", seed=3, budgets=FREE, **CORRUPTED)
    (_, to) = publish_tracks(text, by="somebody")
    return to


def test_a_track_of_corruptions_can_be_published_and_verified(board, capsys):
    names = ("README.md", "index.html", "tracks/tiny-v1.md")
    readme, page, track = ((board / name).read_text() for name in names)
    assert "## tiny-v1\n\nNo attack:" in readme
    assert "## Corruptions" in track
    assert 'id="corruptions"' in page
    assert "Corrupted pictures, tiny-v1" in page
    assert '<button type="button" id="corrupted">tiny-v1</button>' in page
    assert "| track PSNR drop" not in readme
    assert main(["verify", str(board)]) == 0
    for entry in sorted((board / "entries" / "tiny-v1").iterdir()):
        assert main(["verify", str(entry)]) == 0
