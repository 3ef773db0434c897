"""Which codecs a suite searches on, and which are given what was found there."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from attacks.objectives.basic import Rate
from bench.engine.runner import prepare
from bench.errors import ConfigError
from bench.planning.estimate import remaining_seconds
from bench.registry.registry import entry
from bench.store.run_folder import read_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from bench.verify.replan import parse_stored_suite
from leaderboard.ranking.board import build_board
from leaderboard.render.page import markdown
from small_run import SUITE, run_suite


def test_transfer_none_and_all():
    points = ("toy", {"name": "toy", "gain": 2.0})
    for transfer, expected in (("none", 0), ("all", 1)):
        suite = Suite.model_validate(
            {
                "name": "t",
                "images": {"set": "sample", "names": ["coffee"], "crop": {"height": 8, "width": 8}},
                "codecs": points,
                "attacks": ["fgsm"],
                "budgets": [{"linf": 2}],
                "transfer": transfer,
            }
        )
        cells = prepare(suite, Path()).plan.cells
        onto_toys = [c for c in cells if c.threat == "transfer" and c.victim.choice.name == "toy"]
        assert len(onto_toys) == expected * 4


@pytest.mark.parametrize(("own", "suites"), [("none", "gradient-free"), ("all", "none")])
def test_an_attack_may_say_itself_where_its_pictures_go(own, suites):
    suite = Suite.model_validate(
        {
            "name": "t",
            "images": {"set": "sample", "names": ["coffee"], "crop": {"height": 8, "width": 8}},
            "codecs": ["toy", {"name": "jpeg", "quality": 50}],
            "attacks": ["fgsm", {"name": "pgd", "steps": 2, "transfer": own}],
            "objectives": ["rate"],
            "budgets": [{"linf": 2}],
            "transfer": suites,
        }
    )
    cells = prepare(suite, Path()).plan.cells
    gone = {str(cell.craft.search.choice) for cell in cells if cell.threat == "transfer"}
    assert gone == {("fgsm" if own == "none" else "pgd steps=2")}
    assert parse_stored_suite(suite.model_dump(mode="json"), Path()) == suite


_QUERIES = SUITE.replace("uniform-noise, fgsm, {name: pgd, steps: 3}", "fgsm, *Q")


def test_queries_are_of_every_codec_that_loses_something_and_transfer_like_gradients(tmp_path):
    text = _QUERIES.replace("*Q", "{name: square, queries: 7}, {name: evolution, queries: 7}")
    run_suite(text, tmp_path)
    run = read_run(tmp_path)
    crafts = {key: craft for key, craft in run.crafts.items() if craft.queries_allowed}
    assert {(craft.gradients, craft.queries) for craft in crafts.values()} == {(0, 7)}
    found = [record for record in run.measures if record.craft in crafts]
    assert {record.status for record in found} == {"ok"}
    counts = Counter((r.victim, r.threat, *crafts[str(r.craft)].sources) for r in found)
    assert counts == {
        ("toy", "black-box", "toy"): 8,
        ("JPEG", "black-box", "JPEG"): 8,
        ("JPEG", "transfer", "toy"): 8,
        ("identity", "transfer", "toy"): 8,
        ("identity", "transfer", "JPEG"): 8,
    }


def test_the_board_keeps_queries_apart_from_gradients(tmp_path):
    run_suite(_QUERIES.replace("*Q", "{name: square, queries: 40}"), tmp_path)
    run = read_run(tmp_path)
    rows = {row.place.codec: row for row in build_board([run]).rows}
    assert {codec: row.place.threat for codec, row in rows.items()} == {
        "toy": "white-box",
        "JPEG": "black-box + transfer",
        "identity": "transfer",
    }
    attacks = [record for record in run.measures if record.threat not in {"clean", "noise"}]
    for codec in ("toy", "JPEG"):
        found = [record for record in attacks if record.victim == codec]
        worst = [
            min(r.scores.psnr_source for r in found if r.picture == picture)
            for picture in ("chelsea", "coffee")
        ]
        assert rows[codec].attack.psnr.mean == pytest.approx(np.mean(worst))
    assert "40 queries a picture" in markdown(build_board([run]))


_SOURCES = """\
name: sources
images: {set: sample, names: [chelsea], crop: {height: 16, width: 16}}
codecs:
  - {name: toy, gain: [0.5, 2.0], label: "toy {gain}"}
  - {name: jpeg, quality: [50, 90], label: "JPEG {quality}"}
attacks: [{name: ifgsm, steps: 3}, {name: square, queries: 9}]
objectives: [distortion]
budgets: [{linf: 8}]
sources: [JPEG 50, [toy 2.0, toy 0.5]]
"""


def test_a_suite_says_what_is_searched_on_and_what_is_found_is_given_to_others(tmp_path):
    run_suite(_SOURCES, tmp_path)
    run = read_run(tmp_path)
    crafts = {craft.attack: craft for craft in run.crafts.values() if craft.sources}
    assert len(run.crafts) == len(crafts) + 1
    queried, followed = crafts["square queries=9"], crafts["ifgsm steps=3"]
    assert (queried.sources, queried.queries, queried.queries_allowed) == (("JPEG 50",), 9, 9)
    assert (followed.sources, followed.gradients) == (("toy 0.5", "toy 2.0"), 2 * 3)
    assert {r.victim: r.threat for r in run.measures if r.craft == queried.key} == {
        "JPEG 50": "black-box",
        "JPEG 90": "transfer",
        "identity": "transfer",
    }
    assert {r.victim: r.threat for r in run.measures if r.craft == followed.key} == {
        "toy 0.5": "white-box",
        "toy 2.0": "white-box",
        "JPEG 50": "transfer",
        "JPEG 90": "transfer",
        "identity": "transfer",
    }
    page = markdown(build_board([run]))
    assert "several at once where they are joined: JPEG 50; toy 2.0 and toy 0.5." in page
    assert "ifgsm steps=3, distortion, on toy 0.5 and toy 2.0" in page


def test_an_attack_says_itself_what_it_searches_on(tmp_path):
    own = "sources: [JPEG 50, [toy 2.0, toy 0.5]]"
    assert own in _SOURCES
    text = _SOURCES.replace(own, "").replace("queries: 9", "queries: 9, sources: JPEG 50")
    run_suite(text, tmp_path)
    run = read_run(tmp_path)
    searched = {(craft.attack, craft.sources) for craft in run.crafts.values() if craft.sources}
    assert searched == {
        ("square queries=9", ("JPEG 50",)),
        ("ifgsm steps=3", ("toy 0.5",)),
        ("ifgsm steps=3", ("toy 2.0",)),
    }
    page = markdown(build_board([run]))
    assert "**Sources of square queries=9**, the codecs whose gradients or answers" in page
    assert "joined: JPEG 50." in page


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ("JPEG 5", "attacks: no codec has the label 'JPEG 5'; did you mean 'JPEG 50'"),
        ("[[]]", "attacks: a source is an empty list"),
        ("[3]", "'sources' of an attack are labels of codecs, not 3"),
        ("[[toy 0.5, toy 0.5]]", "toy 0.5 is listed twice"),
        ("[[toy 0.5, toy 2.0]]", "the attack 'square queries=9' cannot search on the source toy"),
    ],
)
def test_sources_of_an_attack_that_make_no_sense_are_refused(tmp_path, sources, message):
    with pytest.raises(ConfigError, match=message):
        run_suite(_SOURCES.replace("queries: 9", f"queries: 9, sources: {sources}"), tmp_path)


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ("[identity]", "no codec has the label 'identity'; known: JPEG 50, JPEG 90, toy"),
        ("[JPEG 5]", "no codec has the label 'JPEG 5'; did you mean 'JPEG 50'"),
        ("[[toy 0.5, toy 0.5]]", "toy 0.5 is listed twice"),
        ("[toy 0.5, [toy 0.5, JPEG 50]]", r"on the source toy 0.5 \+ JPEG 50 \(gradient attacks"),
        ("[[toy 0.5, toy 2.0], [toy 2.0, toy 0.5]]", "are the same search; remove one"),
        ("[[]]", "sources: a source is an empty list"),
    ],
)
def test_sources_that_make_no_sense_are_refused(tmp_path, sources, message):
    with pytest.raises(ConfigError, match=message):
        run_suite(_SOURCES.replace("[JPEG 50, [toy 2.0, toy 0.5]]", sources), tmp_path)


def test_queries_are_reckoned_with(tmp_path):
    def expected(queries):
        text = SUITE.replace("fgsm, {name: pgd, steps: 3}", f"{{name: square, queries: {queries}}}")
        return remaining_seconds(prepare(parse(text, "small.yaml", Suite), tmp_path).plan)

    once, coding = expected(1), sum(entry("codec", name).cost.coding for name in ("toy", "jpeg"))
    searches = 2 * 2
    assert expected(1001) - once == pytest.approx(1000 * searches * coding * 24 * 40 / 1e6)


def test_an_objectives_version_is_a_part_of_keys(tmp_path, monkeypatch):
    def keys():
        found = prepare(parse(SUITE, "small.yaml", Suite), tmp_path).plan.crafts
        return {job.key: str(job.objective) for job in found}

    before = keys()
    monkeypatch.setattr(Rate, "version", 2, raising=False)
    after = keys()
    assert {label for key, label in after.items() if key not in before} == {"rate"}
    assert {label for key, label in after.items() if key in before} == {"distortion", "None"}
