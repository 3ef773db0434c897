"""Every sentence follows from the records, and none says more than they carry."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from bench.store.records import Extra
from leaderboard.conclusions.sentences import conclusions
from leaderboard.ranking.board import build_board

DEFAULTS = {
    "bpp": 1.0,
    "mse": (1e-3, 1e-3, 1e-3),
    "attacked": None,
    "grown": 1.2,
    "noise": 1e-3,
    "flags": (),
    "lost": (),
    "again": None,
    "metric": "generations",
    "rate_search": None,
}
PICTURES = ("one", "two", "three")
CODECS = [
    {"name": "toy", "gain": 2.0, "label": "A"},
    {"name": "toy", "gain": 3.0, "label": "B"},
    {"name": "jpeg", "quality": 5, "label": "J"},
]


@pytest.fixture
def said(lab, tmp_path):
    """Return a function: {codec: figures} -> the sentences of a run with these figures."""

    def of(figures, **changes):
        made = lab(**{"codecs": CODECS, **changes})
        for codec, own in figures.items():
            _fill(made, codec, **own)
        board = build_board([made.write(tmp_path / made.suite.name)])
        return conclusions(board, board.comparisons[0])

    return of


def _fill(lab, codec, **figures):
    """Add the records of a codec: clean, noise, and one attack, where `attacked` has its MSE."""
    of = SimpleNamespace(**DEFAULTS | figures)
    for index, picture in enumerate(PICTURES):
        mse, bpp, again = of.mse[index], of.bpp, of.again
        lab.clean(codec, picture, bpp, mse)
        if again is not None:
            last = lab.records[-1]
            extra = Extra(source=again[index], clean=again[index], unit="dB", better="lower")
            scores = last.scores.model_copy(update={"extra": {of.metric: extra}})
            lab.records[-1] = last.model_copy(update={"scores": scores})
        if of.attacked is None:
            continue
        drawn = lab.craft(picture, "sign-noise")
        lab.attacked(codec, drawn, lab.scores(bpp, mse, bpp, mse + of.noise, 1e-4, 1e-4))
        sources = ("A",) if codec == "J" else (codec,)
        craft = lab.craft(picture, "fgsm", "distortion", sources, of.flags)
        scores = lab.scores(bpp, mse, of.grown * bpp, of.attacked[index], 1e-4, 1e-3)
        if of.rate_search is not None:
            other = lab.craft(picture, "fgsm", "rate", sources)
            lab.attacked(codec, other, lab.scores(bpp, mse, of.rate_search * bpp, mse, 1e-4, 1e-3))
        if picture in of.lost:
            lab.attacked(codec, craft, None, status="failed", reason="broke")
        else:
            lab.attacked(codec, craft, scores)


def _one(sentences, part):
    (found,) = [one for one in sentences if part in one]
    return found


def _none(sentences, part):
    return not any(part in one for one in sentences)


def test_a_certain_difference_of_losses_is_stated_with_its_figures(said):
    found = said({"A": {"attacked": [4e-3] * 3}, "B": {"attacked": [2e-3] * 3}})
    sentence = _one(found, "own gradients")
    assert sentence == (
        "Attacked through their own gradients at linf 8, A loses 6.02 dB (6.02 to 6.02) of PSNR,"
        " more than B with 3.01 dB (3.01 to 3.01)."
    )
    assert _one(found, "Bits grow") == "Bits grow up to ×1.20 (×1.20 to ×1.20) for A."


def test_a_tie_is_called_one(said):
    found = said({"A": {"attacked": [4e-3, 2e-3, 3e-3]}, "B": {"attacked": [2e-3, 4e-3, 3.1e-3]}})
    assert "they do not differ significantly" in _one(found, "own gradients")
    assert _none(found, "more than")
    assert _none(found, "trade-off")
    assert _none(found, "is the best")


def test_codecs_of_which_some_differ_are_not_called_alike(said):
    steady = {"A": {"attacked": [2e-3, 2.01e-3, 2e-3]}, "B": {"attacked": [3e-3, 3.01e-3, 3e-3]}}
    third = {"name": "toy", "gain": 4.0, "label": "C"}
    found = said(steady | {"C": {"attacked": [1e-3, 9e-2, 1e-3]}}, codecs=[*CODECS, third])
    assert _one(found, "own gradients at").endswith("; A and C do not differ significantly.")


def test_no_codec_is_called_less_vulnerable_where_a_stronger_attack_may_exist(said):
    doubtful = {"attacked": [2e-3] * 3, "flags": ("still-rising",)}
    found = said({"A": {"attacked": [4e-3] * 3}, "B": doubtful})
    assert "a stronger attack on B may exist, so their order is open" in _one(
        found, "own gradients"
    )
    assert "There is evidence of a stronger attack on B." in found
    assert _none(found, "is the best")


def test_psnr_has_the_doubts_of_the_searches_that_decide_it(said):
    costly = {"attacked": [2e-3] * 3, "flags": ("still-rising",), "rate_search": 9.0}
    found = said({"A": {"attacked": [4e-3] * 3}, "B": costly | {"noise": 2e-3}})
    assert "a stronger attack on B may exist, so their order is open" in _one(
        found, "own gradients at"
    )
    assert "There is evidence of a stronger attack on B." in found


def test_the_order_by_cost_has_no_doubts_of_searches_that_decide_the_psnr_only(said):
    best = {"attacked": [2e-3] * 3, "flags": ("still-rising",), "rate_search": 9.0}
    other = {"bpp": 1.05, "attacked": [9e-3, 9.1e-3, 9e-3], "rate_search": 20.0}
    assert _one(said({"A": best, "B": other}), "A is the best of the codecs")


def test_a_doubt_about_the_worse_codec_changes_nothing(said):
    doubtful = {"attacked": [4e-3] * 3, "flags": ("still-rising",)}
    found = said({"A": doubtful, "B": {"attacked": [2e-3] * 3}})
    assert "A loses 6.02 dB" in _one(found, "more than B")


def test_losses_with_and_without_gradients_are_never_compared(said):
    found = said({"A": {"attacked": [4e-3] * 3}, "J": {"attacked": [2e-3] * 3}})
    assert _one(found, "own gradients").endswith("A loses 6.02 dB (6.02 to 6.02) of PSNR.")
    assert _one(found, "without gradients at").endswith("J loses 3.01 dB (3.01 to 3.01) of PSNR.")
    assert (
        "Attacks without gradients are weaker, so these losses do not compare with others." in found
    )
    assert _none(found, "more than")


def test_failures_are_counted_and_decide_nothing_silently(said):
    found = said({"A": {"attacked": [4e-3] * 3, "lost": ("two",)}, "B": {"attacked": [2e-3] * 3}})
    assert "A failed to code 1 of 6 attacked pictures." in found
    assert _none(found, "No codec failed")
    whole = said({"B": {"attacked": [2e-3] * 3}}, name="again")
    assert "No codec failed to code an attacked picture." in whole


def test_failures_at_every_quality_setting_count(said):
    codecs = [{"name": "toy", "gain": 2.0, "label": f"T q={rate}"} for rate in (1, 2)]
    cheap, dear = {"attacked": [2e-3] * 3}, {"bpp": 2.0, "attacked": [2e-3] * 3}
    found = said({"T q=1": cheap, "T q=2": dear | {"lost": ("two",)}}, codecs=codecs)
    assert "T failed to code 1 of 12 attacked pictures." in found
    assert _none(found, "No codec failed")


def test_a_codec_that_can_code_no_source_picture_is_named(lab, tmp_path):
    made = lab(codecs=CODECS)
    _fill(made, "A", attacked=[4e-3] * 3)
    for picture in PICTURES:
        made.clean("B", picture, status="failed", reason="broke")
    board = build_board([made.write(tmp_path)])
    assert "Left out, because pictures lack scores: B, J." in conclusions(
        board, board.comparisons[0]
    )


def test_a_codec_without_all_scores_is_left_out(lab, tmp_path):
    made = lab(codecs=CODECS)
    _fill(made, "A", attacked=[4e-3] * 3)
    _fill(made, "B", attacked=[2e-3] * 3)
    made.records = [
        record
        for record in made.records
        if not (record.kind == "measure" and record.victim == "B" and record.picture == "two")
    ]
    board = build_board([made.write(tmp_path)])
    found = conclusions(board, board.comparisons[0])
    assert "Left out, because pictures lack scores: B, J." in found
    assert _one(found, "own gradients").endswith("A loses 6.02 dB (6.02 to 6.02) of PSNR.")


@pytest.mark.parametrize(
    ("rates", "part"),
    [
        ((1.0, 1.05), "At equal rates (1.000 to 1.050 bpp) and without an attack, B has a higher"),
        ((1.0, 1.5), "The clean rates differ (1.000 to 1.500 bpp), so only R-D costs compare"),
    ],
)
def test_psnr_is_compared_at_equal_rates_only(said, rates, part):
    first = {"bpp": rates[0], "mse": [2e-3, 2.1e-3, 2e-3]}
    second = {"bpp": rates[1], "mse": [1e-3, 1.1e-3, 1e-3]}
    found = said({"A": first, "B": second})
    assert _one(found, part)
    assert _none(found, "higher PSNR") == (rates[1] > 1.1)


def test_equal_clean_quality_is_called_so(said):
    first, second = {"mse": [2e-3, 1e-3, 1.5e-3]}, {"mse": [1e-3, 2e-3, 1.5e-3]}
    assert "the codecs do not differ significantly in PSNR" in _one(
        said({"A": first, "B": second}), "At equal rates"
    )


def test_a_trade_off_needs_both_differences(said):
    cheap = {"bpp": 1.0, "attacked": [9e-3, 9.1e-3, 9e-3]}
    robust = {"bpp": 1.05, "attacked": [2e-3, 2.1e-3, 2e-3]}
    sentence = _one(said({"A": cheap, "B": robust}), "trade-off")
    assert "without an attack B costs" in sentence
    assert "under attack A costs" in sentence
    equal = said({"A": cheap, "B": robust | {"bpp": 1.0}}, name="again")
    assert _none(equal, "trade-off")


def test_a_codec_that_is_best_twice_is_called_so(said):
    best = {"bpp": 1.0, "attacked": [2e-3, 2.1e-3, 2e-3]}
    other = {"bpp": 1.05, "attacked": [9e-3, 9.1e-3, 9e-3]}
    found = said({"A": best, "B": other})
    assert _one(
        found, "A is the best of the codecs attacked through their own gradients, without an attack"
    )


def test_losses_that_the_perturbation_explains_are_called_so(said):
    found = said({"A": {"attacked": [1.1e-3] * 3, "noise": 2e-5}})
    assert "A lost no more than the perturbation itself explains." in found


def test_losses_no_larger_than_those_of_noise_are_called_so(said):
    found = said({"A": {"attacked": [4e-3] * 3, "noise": 3e-3}})
    assert "A lost no more PSNR to the attacks than to noise of the same size." in found


def test_losses_that_are_not_certainly_larger_than_those_of_noise_are_not_called_small(said):
    found = said({"A": {"attacked": [2e-2, 2e-2, 3e-3], "noise": 3e-3}})
    assert _none(found, "than to noise")


def test_generations_are_compared_across_all_codecs(said):
    metrics = {"metrics": ["generations"]}
    found = said({"A": {"again": [4.0, 4.1, 4.2]}, "J": {"again": [0.1, 0.0, 0.1]}}, **metrics)
    sentence = _one(found, "Coded again and again, from generation 1 to 10,")
    assert "A loses 4.10 dB (4.00 to 4.20) of PSNR, more than J with 0.07 dB" in sentence
    tied = {"A": {"again": [1.0, 2.0, 1.5]}, "J": {"again": [2.0, 1.0, 1.5]}}
    assert "they do not differ significantly" in _one(
        said(tied, name="again", **metrics), "generation 1"
    )


@pytest.mark.parametrize(
    ("metrics", "label", "part"),
    [
        ([{"name": "generations", "count": [2, 5]}], "generations count=5", "generation 1 to 5,"),
        ([{"name": "generations", "count": 3, "label": "again"}], "again", "generation 1 to 3,"),
        ([{"name": "generation-rate", "label": "generations"}], "generations", None),
    ],
)
def test_the_number_of_generations_is_that_of_the_suite(said, metrics, label, part):
    found = said({"A": {"again": [4.0, 4.1, 4.2], "metric": label}}, metrics=metrics)
    assert _none(found, "generation 1") if part is None else _one(found, part)


def test_nothing_is_said_of_attacks_that_were_not_made(said):
    found = said({"A": {}, "B": {"mse": [2e-3] * 3}})
    for part in ("Attacked", "Bits grow", "failed", "trade-off", "is the best"):
        assert _none(found, part)


def test_the_number_of_pictures_and_the_attacks_are_named(said):
    found = said({"A": {"attacked": [4e-3] * 3}})
    assert _one(found, "This rests on") == (
        "This rests on 3 pictures and on fgsm, PGD-7: losses are lower bounds, a stronger attack"
        " may exist; with fewer than 10 pictures all intervals are too narrow."
    )


def test_no_loss_of_psnr_is_said_of_a_lossless_codec(said):
    found = said({"A": {"mse": [0.0] * 3, "attacked": [1e-3] * 3}, "B": {"attacked": [2e-3] * 3}})
    assert _one(found, "own gradients at").endswith("B loses 3.01 dB (3.01 to 3.01) of PSNR.")
    assert _none(found, "∞")


def test_the_part_beyond_the_perturbation_is_named(said):
    found = said({"A": {"attacked": [4e-3] * 3}, "B": {"attacked": [2e-3] * 3}})
    beyond = [10 * math.log10(mse / (1e-3 + 1e-4)) for mse in (4e-3, 2e-3)]
    assert found[2] == (
        "Beyond what the perturbation itself costs, this is"
        f" {beyond[0]:.2f} dB (A), {beyond[1]:.2f} dB (B)."
    )
