"""Metrics that a suite names: scored, kept, resumed, verified and shown."""

from __future__ import annotations

import csv
import io
import json
import math
import pickle
import re

import numpy as np
import pytest
from PIL import Image as Pillow

from backends.metrics.colour import Ciede2000
from bench.cli.main import main
from bench.engine.executors.worker import ComponentCache
from bench.engine.runner import plan_digest, prepare
from bench.errors import ConfigError
from bench.images.image_set import Picture
from bench.metrics.failure import MID_GREY
from bench.planning.baselines import with_baselines
from bench.planning.operating_point import OperatingPoint
from bench.planning.planner import plan
from bench.planning.resolve import make_attack, planned_attack, scoring_spec
from bench.registry import plugins
from bench.registry.registry import instantiate
from bench.store.records import TIMES
from bench.store.run_folder import read_run
from bench.suite.json_schema import suite_schema
from bench.suite.suite import Suite, load_suite
from bench.testing import MetricContract
from bench.utils.yaml_config import parse
from bench.verify.reencode import Checked, Finding
from bench.verify.run_folder import verify
from bench.verify.tolerances import differences
from leaderboard.ranking.board import build_board
from leaderboard.render.export import as_csv, records, rows
from leaderboard.render.page import markdown
from leaderboard.web.html_tables import tables as pages
from paths import ROOT

DOCS = ROOT / "docs/plugins.md"
RULES = '''\
import math
from dataclasses import dataclass
from typing import ClassVar

from bench.entry import Entry
from bench.errors import Unsupported


@dataclass(frozen=True)
class Odd:
    """Minus the largest error; wrong in one way where the pictures differ by more than `limit`."""

    unit: ClassVar[str] = "levels"
    better: ClassVar[str] = "higher"
    version: ClassVar[int] = 1
    way: str = "fine"
    limit: int = 0

    def __call__(self, reference, picture):
        error = abs(reference.astype(int) - picture).max()
        if error > self.limit:
            if self.way == "raises":
                raise RuntimeError("no\\nidea")
            if self.way == "refuses":
                raise Unsupported("too far apart")
            if self.way == "NaN":
                return math.nan
            if self.way == "writes":
                picture[:] = 0
        return -float(error)


METRICS = {"odd": Entry(Odd, "minus the largest error")}
'''
SUITE = """\
plugins: [rules.py]
name: small
images: {set: sample, names: [coffee], crop: {height: 24, width: 40}}
codecs: [{name: jpeg, quality: 50, label: JPEG}]
attacks: [uniform-noise]
budgets: [{linf: 8}]
compute: {threads: 1}
"""
ATTACKED = SUITE.replace("[uniform-noise]", "[fgsm]").replace("codecs: [", "codecs: [toy, ")
PINNED = """\
name: pinned
images: {set: sample}
codecs: [toy, {name: jpeg, quality: 50, label: JPEG}]
attacks: [uniform-noise, fgsm]
budgets: [{linf: 8}]
"""
NAMED = "metrics: [ciede2000, {name: odd, label: odd}]\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder, the working directory, with a plugin of metrics."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.py").write_text(RULES)
    return tmp_path


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """Return a run without metrics."""
    folder = tmp_path_factory.mktemp("bare")
    return _run(SUITE.replace("plugins: [rules.py]\n", ""), folder)


def _run(text, folder, name="run"):
    (folder / "small.yaml").write_text(text)
    assert main(["run", str(folder / "small.yaml"), "-o", str(folder / name)]) == 0
    return read_run(folder / name)


def _plain(run):
    lines = (run.folder / "records.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines]


def test_a_metric_is_asked_of_both_decoded_pictures_against_the_source(folder):
    run = _run(SUITE + NAMED, folder)
    suite = load_suite(folder / "small.yaml")
    (source,) = (picture.pixels for picture in prepare(suite, folder).pictures)
    codec, metric = instantiate("codec", suite.operating_points[0]), Ciede2000()
    decoded = codec.decode(codec.encode(source))
    found = {record.threat: record.scores.extra for record in _of("JPEG", run)}
    clean, attacked = found["clean"]["ciede2000"], found["noise"]["ciede2000"]
    assert clean.clean == clean.source == attacked.clean == metric(source, decoded)
    assert clean.grey == metric(source, np.full_like(source, MID_GREY))
    assert attacked.grey is None
    key = next(record.craft for record in _of("JPEG", run) if record.craft)
    assert attacked.source == metric(source, codec.decode(codec.encode(_picture(run, key))))
    assert attacked.source != attacked.clean
    assert (found["noise"]["odd"].unit, found["noise"]["odd"].better) == ("levels", "higher")
    assert (attacked.unit, attacked.better, attacked.reason) == ("", "lower", "")


def _of(victim, run):
    kept = [record for record in run.measures if record.victim == victim]
    first = next(r.craft for r in kept if r.craft and run.crafts[r.craft].attack == "uniform-noise")
    return [record for record in kept if record.craft in {None, first}]


def _picture(run, key):
    return np.asarray(Pillow.open(run.folder / "adversarial" / f"{key}.png"))


def test_a_suite_without_metrics_is_what_it_always_was():
    """Keys are those of a plan that knows of none: its runs go on."""
    suite = parse(PINNED, "pinned.yaml", Suite)
    choices, searches = with_baselines(suite)
    points = [OperatingPoint(choice, f"{choice} 1.0", choice.name == "toy") for choice in choices]
    pictures = [Picture("one", np.zeros((8, 8, 3), np.uint8), "1" * 64)]
    found = [planned_attack(choice, make_attack(choice)) for choice in searches]
    planned = plan(suite, points, found, pictures, scoring_spec(suite))
    assert planned.cells[0].key == "243908cfce4bb9aa4ccb5f56"
    assert plan_digest(planned).startswith("7590b62c78c9a3bb4cc0b670149d015d")
    older = plan(suite, points, found, pictures, scoring_spec(suite), searching=2)
    assert plan_digest(older).startswith("db381aeea43213165baaf6a69ca6e343")


def test_metrics_change_what_is_said_of_a_cell_and_nothing_else(bare, folder):
    named = _run(SUITE + NAMED, folder)
    assert "extra" not in (bare.folder / "records.jsonl").read_text()
    apart = {"key", "scores"}
    for one, other in zip(_plain(bare), _plain(named), strict=True):
        assert {k: v for k, v in one.items() if k not in apart} == {
            k: v for k, v in other.items() if k not in apart
        }
        is_cell = one["kind"] == "measure"
        assert (one["key"] != other["key"]) == is_cell
        if is_cell:
            assert set(other["scores"].pop("extra")) == {"ciede2000", "odd"}
            assert one["scores"] == other["scores"]


@pytest.mark.parametrize(
    "changed",
    [
        "metrics: [ciede2000]\n",
        "metrics: [ciede2000, {name: odd, label: other}]\n",
        "metrics: [ciede2000, {name: odd, label: odd, limit: 1}]\n",
    ],
)
def test_what_can_change_a_value_is_in_the_key(changed, folder):
    keys, others = (_keys(text, folder) for text in (SUITE + NAMED, SUITE + changed))
    assert not keys & others


def test_another_version_of_a_metric_is_another_key(folder, monkeypatch):
    before = _keys(SUITE + NAMED, folder)
    monkeypatch.setattr(Ciede2000, "version", 2)
    assert not before & _keys(SUITE + NAMED, folder)


def _keys(text, folder):
    suite = parse(text, str(folder / "small.yaml"), Suite)
    return {cell.key for cell in prepare(suite, folder).plan.cells}


def test_a_run_is_resumed_with_its_metrics(folder):
    run = _run(SUITE + NAMED, folder)
    whole = _plain(run)
    path = run.folder / "records.jsonl"
    path.write_text("\n".join(path.read_text().splitlines()[:3]) + "\n")
    assert sorted(map(str, _plain(_run(SUITE + NAMED, folder)))) == sorted(map(str, whole))


def test_a_worker_scores_by_the_same_metrics(folder):
    prepared = prepare(parse(SUITE + NAMED, str(folder / "small.yaml"), Suite), folder)
    assert (
        ComponentCache(pickle.loads(pickle.dumps(prepared.suite)), {}, "").terms == prepared.terms
    )


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("raises", "RuntimeError: no idea"),
        ("refuses", "too far apart"),
        ("NaN", "it returned NaN"),
        ("writes", "ValueError: assignment destination is read-only"),
    ],
)
def test_a_metric_that_fails_costs_no_cell(way, reason, bare, folder):
    run = _run(f"{SUITE}metrics: [{{name: odd, way: {way}, label: odd}}]\n", folder)
    assert {record.status for record in run.measures} == {"ok"}
    for record, other in zip(run.measures, bare.measures, strict=True):
        assert record.scores.model_copy(update={"extra": {}}) == other.scores
        found = record.scores.extra["odd"]
        if record.victim == "JPEG":
            assert (found.source, found.clean, found.grey, found.reason) == (None,) * 3 + (reason,)
        elif record.threat == "clean":
            assert (found.source, found.clean, found.grey) == (0, 0, None)
    page = markdown(build_board([run]))
    assert f"JPEG, budget linf 8: the metric odd gave no value: {reason} (3)" in page


def test_infinite_values_are_written_and_read_back(folder):
    (folder / "rules.py").write_text(RULES.replace("-float(error)", "-math.inf"))
    run = _run(SUITE + "metrics: [{name: odd, label: odd}]\n", folder)
    assert {record.scores.extra["odd"].source for record in run.measures} == {-math.inf}
    assert '"source":"-inf"' in (run.folder / "records.jsonl").read_text()


def test_verifying_asks_the_metrics_again(folder):
    run = _run(f"{SUITE}metrics: [ciede2000, {{name: odd, way: NaN, label: odd}}]\n", folder)
    assert _finding(run, folder) == []
    path = run.folder / "records.jsonl"
    text = path.read_text()
    value = re.search(r'"ciede2000":{[^}]*"source":([0-9.]+)', text)[1]
    path.write_text(text.replace(f'"source":{value}', '"source":0.5', 1))
    (found,) = _finding(read_run(run.folder), folder)
    assert f"source of ciede2000 is 0.5 in the record, {value} measured" in found


def _finding(run, folder):
    events = list(verify(run, folder, plugins=True))
    assert any(isinstance(event, Checked) for event in events)
    return [str(event) for event in events if isinstance(event, Finding)]


@pytest.mark.parametrize(("change", "is_near"), [(1.005, True), (1.02, False)])
def test_elsewhere_a_metric_may_differ_by_as_much_as_an_error(change, is_near, folder):
    kept = _run(SUITE + "metrics: [ciede2000]\n", folder).measures[0]
    one = kept.scores.extra["ciede2000"]
    moved = one.model_copy(update={"source": one.source * change})
    scores = kept.scores.model_copy(update={"extra": {"ciede2000": moved}})
    measured = kept.model_copy(update={"scores": scores})
    assert bool(list(differences(kept, measured, exactly=True)))
    assert bool(list(differences(kept, measured, exactly=False))) != is_near
    lacking = kept.model_copy(update={"scores": scores.model_copy(update={"extra": {}})})
    assert "extra is ['ciede2000'] in the record, [] measured" in list(
        differences(kept, lacking, exactly=False)
    )


def test_boards_have_columns_for_the_metrics_of_their_suites(folder):
    made = build_board([_run(ATTACKED + NAMED, folder)])
    clean, worst = _ciede2000(read_run(folder / "run"))
    lines = {
        line["codec"]: line for line in csv.DictReader(io.StringIO(as_csv(rows(made)).decode()))
    }
    assert float(lines["JPEG"]["ciede2000_clean"]) == clean
    assert float(lines["JPEG"]["ciede2000_worst"]) == worst
    assert float(lines["JPEG"]["odd_worst_levels"]) <= float(lines["JPEG"]["odd_clean_levels"])
    page = markdown(made)
    assert "| ciede2000 clean ↓ | ciede2000 worst ↓ | odd clean levels ↑ |" in page
    assert "**Metrics** in addition to the built-in ones: ciede2000, odd." in page
    assert f"| {clean:.4g} | {worst:.4g} |" in page
    heads = [head.text for grid in pages(made) for head in grid.heads]
    assert "ciede2000 worst ↓" in heads


def test_the_terminal_shows_metrics_in_tables_of_their_own(folder, capsys):
    run = _run(ATTACKED + NAMED, folder)
    capsys.readouterr()
    assert main(["show", str(run.folder)]) == 0
    shown = capsys.readouterr().out
    assert "metrics that the suite names" in " ".join(shown.split())
    assert all(f"{value:.4g}" in shown for value in _ciede2000(run))
    tables = [line for line in shown.splitlines() if str(run.folder) not in line]
    assert max(map(len, tables)) <= 120


def _ciede2000(run):
    """Return what it says of JPEG's one picture: unattacked, and at its worst."""
    cells = [r for r in run.measures if (r.victim, r.threat) == ("JPEG", "transfer")]
    extras = [record.scores.extra["ciede2000"] for record in cells]
    return extras[0].clean, max(one.source for one in extras)


def test_a_board_of_two_runs_has_the_metrics_of_both(bare, folder):
    one = _run(SUITE + "metrics: [ciede2000]\n", folder)
    first, _, second, _ = records(build_board([one, bare]))
    assert first["ciede2000_clean"] is not None
    assert second["ciede2000_clean"] is None


def test_columns_that_read_alike_are_exported_apart(folder):
    named = "metrics: [{name: odd, label: a b}, {name: odd, label: a_b, way: NaN}]\n"
    (line, *_) = records(build_board([_run(SUITE + named, folder)]))
    assert (line["a_b_clean_levels"] < 0, line["a_b_clean_levels_2"]) == (True, None)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("[ciede]", "small.yaml:8: metrics.0: unknown metric 'ciede'; did you mean 'ciede2000'"),
        ("[{name: odd, limits: 3}]", "'odd' has no parameter 'limits'; did you mean 'limit'"),
        ("[{name: odd, limit: much}]", "'limit' of the metric 'odd': .* valid integer"),
        ("[ciede2000, ciede2000]", "ciede2000 is listed twice"),
        ("[{name: odd, label: psnr}]", "'psnr' is a built-in score; give the metric another label"),
    ],
)
def test_what_a_suite_says_of_metrics_is_checked(named, words, folder):
    with pytest.raises(ConfigError, match=words):
        parse(f"{SUITE}metrics: {named}\n", str(folder / "small.yaml"), Suite)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("    version: ClassVar[int] = 1\n", ""),
        ('ClassVar[str] = "higher"', 'ClassVar[str] = "more"'),
        ('ClassVar[str] = "levels"', "ClassVar[str] = None"),
    ],
)
def test_what_is_no_metric_is_refused_before_anything_runs(before, after, folder):
    (folder / "rules.py").write_text(RULES.replace(before, after))
    suite = parse(SUITE + "metrics: [odd]\n", str(folder / "small.yaml"), Suite)
    with pytest.raises(
        ConfigError, match=r"the metric 'odd' does not implement bench\.metric\.Metric"
    ):
        prepare(suite, folder)


def test_a_plugin_cannot_take_the_name_of_another_metric(folder):
    (folder / "rules.py").write_text(RULES.replace('{"odd"', '{"ciede2000"'))
    with pytest.raises(ConfigError, match=r"rules\.py registers the metric 'ciede2000', a name"):
        parse(SUITE, str(folder / "small.yaml"), Suite)


def test_metrics_are_listed_with_where_they_are_scored(capsys):
    main(["list", "metrics", "--json"])
    listed = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
    assert listed["psnr"]["scored"] == "always"
    assert listed["vmaf"]["scored"] == "with vmaf: true"
    assert listed["resources"]["scored"] == "with resources: true"
    assert listed["ciede2000"]["scored"] == "where metrics: names it"
    assert listed["ciede2000"]["summary"].endswith("; lower is better")


def test_the_schema_knows_the_metrics():
    (names, *_) = suite_schema()["properties"]["metrics"]["items"]["anyOf"]
    assert names["enum"][:4] == ["bit-error-psnr", "bit-errors", "ciede2000", "codes-read"]
    assert "xpsnr" in names["enum"]


def test_the_metric_of_the_documentation_keeps_the_contract(folder):
    blocks = re.findall(r"```python\n(# my_metric.py.*?)```", DOCS.read_text(), re.DOTALL)
    (folder / "my_metric.py").write_text(blocks[0])
    made = plugins.load("my_metric.py", folder).WorstBlock

    class Contract(MetricContract):
        def metric(self):
            return made(side=8)

    for name in (name for name in dir(Contract) if name.startswith("test_")):
        getattr(Contract(), name)()
    named = "metrics: [ciede2000, {name: worst-block, side: [8, 32]}]\n"
    run = _run(SUITE.replace("rules.py", "my_metric.py") + named, folder)
    found = run.measures[0].scores.extra
    assert found["worst-block side=8"].clean < run.measures[0].scores.psnr_clean
    assert found["worst-block side=32"].reason == "a picture needs 32 pixels a side"
