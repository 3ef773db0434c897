"""Bar codes and words that are still read: what the packages read themselves, and broken codecs."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pictures
from PIL import ImageFilter

from backends.metrics import METRICS
from bench.engine.runner import versions
from bench.errors import ConfigError, Unsupported
from bench.images import datasets
from bench.images.image_set import ImageSpec, load
from bench.metric import is_metric
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate, unavailable
from bench.store.run_folder import read_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from paths import ROOT
from small_run import run_suite

NAMES = ("codes-read", "words-read")
SET = ImageSpec(set="reading")
DAMAGED = ("parcel", "screen")
"""Pictures that the tests damage: two codes and nine words, three codes and eleven words."""


@pytest.fixture(params=NAMES)
def metric(request):
    return _made(request.param)


@pytest.fixture(scope="module")
def pictures():
    return {picture.name: picture.pixels for picture in load(SET, Path())}


@pytest.fixture(scope="module")
def drawings():
    """Return what docs/scripts/reading_pictures.py prints on every picture."""
    path = ROOT / "docs/scripts/reading_pictures.py"
    spec = importlib.util.spec_from_file_location("docs_reading_pictures", path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        yield module


def _made(name):
    if problem := unavailable("metric", name):
        pytest.skip(f"the metric {name} {problem}")
    return instantiate("metric", ComponentSpec(name))


def _blurred(picture, radius):
    blur = ImageFilter.GaussianBlur(radius)
    return np.asarray(Pictures.fromarray(picture).filter(blur))


def test_the_set_has_six_pictures_of_one_size(pictures):
    assert sorted(pictures) == ["parcel", "poster", "screen", "shelf", "sign", "ticket"]
    assert {picture.shape for picture in pictures.values()} == {(256, 256, 3)}
    assert "reading" in datasets.SETS


def test_every_code_of_the_set_is_read_and_no_other(pictures, drawings):
    _made("codes-read")
    assert pictures.keys() == drawings.DRAWINGS.keys()
    for name, drawing in drawings.DRAWINGS.items():
        wanted = sorted((code.kind, code.content.encode()) for code in drawing.codes)
        assert sorted(drawings.codes_in(pictures[name]).elements()) == wanted
        again = np.asarray(drawings.drawn(drawing))
        assert sorted(drawings.codes_in(again).elements()) == wanted


def test_every_word_of_the_set_is_read_and_no_other(pictures, drawings):
    _made("words-read")
    for name, drawing in drawings.DRAWINGS.items():
        wanted = Counter(" ".join(line.text for line in drawing.lines).split())
        assert drawings.words_in(pictures[name]) == wanted


def test_everything_is_read_in_the_picture_itself_and_nothing_after_a_strong_blur(metric, pictures):
    assert is_metric(metric)
    for name in DAMAGED:
        assert metric(pictures[name], pictures[name]) == 100
        assert metric(pictures[name], _blurred(pictures[name], 12)) == 0
        assert metric(pictures[name], np.full_like(pictures[name], 128)) == 0


def test_a_milder_blur_loses_a_part(metric, pictures):
    found = [metric(picture, _blurred(picture, 1.4)) for picture in pictures.values()]
    assert 0 < np.mean(found) < 100


def test_zxing_says_the_same(pictures):
    metric = _made("codes-read")
    import zxingcpp

    for picture in pictures.values():
        damaged = _blurred(picture, 1.4).copy()
        damaged[150:190] = 128
        before, after = (
            {(code.format, code.text) for code in zxingcpp.read_barcodes(Pictures.fromarray(one))}
            for one in (picture, damaged)
        )
        assert metric(picture, damaged) == 100 * len(before & after) / len(before)


def test_one_code_of_three_that_is_covered_is_one_third(pictures):
    metric, covered = _made("codes-read"), pictures["screen"].copy()
    covered[118:144, 152:233] = 30
    assert metric(pictures["screen"], covered) == pytest.approx(200 / 3)
    assert metric(covered, pictures["screen"]) == 100


def test_a_code_with_another_content_is_not_read(pictures, drawings):
    metric, drawing = _made("codes-read"), drawings.DRAWINGS["parcel"]
    other = [drawings.Code("Code128", "PKG3848", 2, (4, 182), 56), *drawing.codes[1:]]
    changed = drawings.Drawing(drawing.ground, drawing.panels, drawing.lines, tuple(other))
    assert metric(pictures["parcel"], np.asarray(drawings.drawn(changed))) == 50


def test_red_and_blue_are_not_exchanged(drawings):
    """The luma of both colours is nearly the same if red is taken for blue."""
    _made("codes-read")
    code = drawings.Code("QRCode", "colours", 4, (20, 20), bar=(0, 39, 0), card=(200, 0, 0))
    picture = np.asarray(drawings.drawn(drawings.Drawing((0, 0, 0), codes=(code,))))
    assert list(drawings.codes_in(picture)) == [("QRCode", b"colours")]
    assert not drawings.codes_in(picture[..., ::-1])


def test_rapidocr_says_the_same_of_files(pictures, tmp_path):
    metric = _made("words-read")
    from rapidocr import RapidOCR

    engine = RapidOCR(params={"Global.log_level": "critical"})
    for name in DAMAGED:
        read = []
        for picture in (pictures[name], _blurred(pictures[name], 1.4)):
            Pictures.fromarray(picture).save(tmp_path / "one.png")
            read.append(Counter(" ".join(engine(tmp_path / "one.png").txts or ()).split()))
        kept = sum((read[0] & read[1]).values()) / sum(read[0].values())
        assert metric(pictures[name], _blurred(pictures[name], 1.4)) == 100 * kept


def test_one_line_that_is_covered_loses_its_words(pictures):
    metric, covered = _made("words-read"), pictures["parcel"].copy()
    covered[96:120, 8:120] = covered[130, 60]
    assert metric(pictures["parcel"], covered) == pytest.approx(100 * 6 / 9)


def test_a_picture_without_anything_to_read_has_no_value(metric, photograph):
    for picture in (photograph("astronaut", 64, 64), np.zeros((1, 1, 3), np.uint8)):
        with pytest.raises(Unsupported, match=r"no (bar code|word) is read in the source picture"):
            metric(picture, picture)


def test_values_repeat_and_pictures_stay_as_they_are(metric, pictures):
    first, second = (pictures[name] for name in DAMAGED)
    copies, value = (first.copy(), second.copy()), metric(first, second)
    assert (value, metric(first, second)) == (0, 0)
    assert np.array_equal(first, copies[0])
    assert np.array_equal(second, copies[1])
    with pytest.raises(ValueError, match="differ in shape"):
        metric(first, second[:-1])


_SUITE = """\
name: reading
images: {{set: reading, names: [parcel]}}
codecs:
  - {{name: jpeg, quality: 90, label: fine}}
  - {{name: jpeg, quality: 90, defence: {{name: gaussian, sigma: 8}}, label: broken}}
  - identity
attacks: [sign-noise]
budgets: [{{linf: 8}}]
metrics: [{}]
compute: {{threads: 1}}
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_run_tells_a_codec_that_blurs_everything_from_one_that_does_not(name, tmp_path):
    _made(name)
    run_suite(_SUITE.format(name), tmp_path)
    values = {}
    for record in read_run(tmp_path).measures:
        values.setdefault(record.victim, []).append(record.scores.extra[name])
    assert {extra.source for extra in values["identity"]} == {100}
    assert {extra.clean for extra in values["fine"]} == {100}
    assert {extra.clean for extra in values["broken"]} == {0}
    assert 0 in {extra.grey for extra in values["fine"]}  # of a codec that fails
    assert {(extra.unit, extra.better, extra.reason) for extra in values["fine"]} == {
        ("%", "higher", "")
    }


def test_a_missing_package_is_named_with_the_way_out(monkeypatch):
    def missing(package):
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", missing)
    for name in NAMES:
        words = rf"the metric '{name}' needs .*: pip install 'codec-robustness-bench\[reading\]'$"
        with pytest.raises(ConfigError, match=words):
            instantiate("metric", ComponentSpec(name))


def test_the_versions_of_what_reads_are_in_the_manifest(monkeypatch):
    found, mine = metadata.version, {p for name in NAMES for p in METRICS[name].packages}
    monkeypatch.setattr(metadata, "version", lambda p: "9.9" if p in mine else found(p))
    named = versions(parse(_SUITE.format(", ".join(NAMES)), "reading.yaml", Suite))
    assert {package for package, version in named.items() if version == "9.9"} == mine
