"""The coding error by frequency: closed forms, and that the codec's own input is its reference."""

from __future__ import annotations

import numpy as np
import pytest

from backends.metrics.error_bands import ErrorBands
from bench.images import reader
from bench.metric import InputMetric, Stream, is_metric
from bench.metrics.scores import mse
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.scoring.metric_call import result_of
from bench.store.run_folder import read_run
from small_run import run_suite

BANDS = ("low", "middle", "high")


def _split(coded, decoded):
    return [ErrorBands(band).against_input(coded, decoded) for band in BANDS]


def _no_recoding(image):
    raise AssertionError("it codes again")


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (6, 4), (31, 48)], ids=str)
def test_the_bands_add_up_to_the_squared_error(size, rng):
    coded, decoded = rng.integers(0, 256, (2, *size, 3), dtype=np.uint8)
    assert sum(_split(coded, decoded)) == pytest.approx(255**2 * mse(coded, decoded))
    assert _split(coded, coded) == [0, 0, 0]


@pytest.mark.parametrize(
    ("waves", "band"),
    [
        ((0, 0), 0),
        ((0, 9), 0),
        ((7, 7), 0),
        ((0, 10), 1),
        ((14, 0), 1),
        ((0, 20), 2),
        ((30, 30), 2),
    ],
)
def test_a_wave_lies_in_the_band_of_its_radial_frequency(waves, band):
    """Of 60 pixels a side, 10 waves are a third of the Nyquist frequency."""
    rows, columns = np.mgrid[:60, :60]
    wave = 40 * np.cos(2 * np.pi * (waves[0] * rows + waves[1] * columns) / 60)
    coded = np.full((60, 60, 3), 128, np.uint8)
    split = _split(coded, (128 + wave[..., None].repeat(3, 2)).round().astype(np.uint8))
    assert split[band] == pytest.approx(sum(split), rel=2e-3)


def test_it_is_a_metric_of_the_input_and_reports_other_sizes(rng):
    metric, picture = ErrorBands("low"), rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert is_metric(metric)
    assert isinstance(metric, InputMetric)
    again = _no_recoding, Stream(b"", _no_recoding)
    assert result_of(metric, picture, picture, *again).value == 0
    assert "differ in shape" in result_of(metric, picture, picture[1:], *again).reason


SUITE = """\
name: bands
images: {set: sample, names: [coffee], crop: {height: 40, width: 48}}
codecs: [{name: jpeg, quality: 30, label: jpeg}]
attacks: [{name: corruption, kind: snow, severity: 4}, sign-noise]
budgets: [{unlimited: true}, {linf: 20}]
metrics: [{name: error-bands, band: [low, middle, high]}]
compute: {threads: 1}
"""


def test_every_evaluation_is_compared_with_what_the_codec_was_given(tmp_path):
    run_suite(SUITE, tmp_path)
    run = read_run(tmp_path)
    codec = instantiate("codec", ComponentSpec("jpeg", (("quality", 30),)))
    own = [record for record in run.measures if record.victim == "jpeg" and record.scores]
    assert sorted(record.threat for record in own) == ["clean", "corruption", "noise"]
    for record in own:
        extra = [record.scores.extra[f"error-bands band={band}"] for band in BANDS]
        assert sum(one.source for one in extra) == pytest.approx(255**2 * record.scores.mse_input)
        assert sum(one.clean for one in extra) == pytest.approx(255**2 * record.scores.mse_clean)
        if record.craft:
            coded = reader.read(tmp_path / "adversarial" / f"{record.craft}.png").image
            decoded = codec.decode(codec.encode(coded))
            assert [one.source for one in extra] == pytest.approx(_split(coded, decoded))
