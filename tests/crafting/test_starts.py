"""Several starts of a search, starts from another search's picture, and longer searches."""

import json
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from PIL import Image

from bench.attack import AttackResult
from bench.budget import Linf
from bench.crafting.no_target import NoTarget
from bench.crafting.search import Search, run_until_converged
from bench.engine.executors import Options, executor
from bench.engine.runner import describe, execute, prepare
from bench.errors import BenchError, ConfigError, StoreError
from bench.store.records import CraftRecord
from bench.store.run_folder import open_run, read_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from bench.verify.replan import replan
from small_run import records_of, run_suite

SUITE = """\
name: small
images: {set: sample, names: [chelsea, coffee], crop: {height: 32, width: 32}}
codecs:
  - {name: toy, gain: 1.5, label: toy}
  - {name: bmshj2018-factorized, checkpoint: bmshj2018-factorized-small-q1, label: learned}
attacks:
  - {name: apgd, steps: 5, starts: 2, label: first}
  - name: pgd
    steps: 1
    step_size: 1.0e-9
    label: second
    objectives: [rate]
    starts: 2
    start_from: {attack: first, objective: distortion}
objectives: [distortion]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


def _prepared(text=SUITE):
    return prepare(parse(text, "small.yaml", Suite), Path())


def _crafts(folder, attack):
    """Return the searches of an attack by source, picture and start."""
    return {
        (*craft.sources, craft.picture, craft.start): craft
        for craft in read_run(folder).crafts.values()
        if craft.attack == attack
    }


def _pixels(folder, craft):
    return Image.open(folder / "adversarial" / f"{craft.key}.png").tobytes()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    run_suite(SUITE, folder)
    return folder


def test_a_search_starts_from_the_picture_of_another(finished):
    """The second attack makes one step of almost no size, for another objective."""
    first, second = (_crafts(finished, attack) for attack in ("first", "second"))
    assert len(first) == len(second) == 8
    for name, craft in second.items():
        assert craft.objective == "rate"
        assert _pixels(finished, craft) == _pixels(finished, first[name])
    assert len({_pixels(finished, craft) for craft in first.values()}) == 8


def test_several_workers_find_the_same_pictures(finished, tmp_path):
    prepared = _prepared()
    with open_run(tmp_path, describe(prepared)) as store:
        list(executor("processes", Options(workers=2))(prepared, store))
    by_key = [{one["key"]: one for one in records_of(folder)} for folder in (finished, tmp_path)]
    assert by_key[0] == by_key[1]


def test_a_run_goes_on_after_the_first_search(finished, tmp_path):
    prepared = _prepared()
    with open_run(tmp_path, describe(prepared)) as store, closing(execute(prepared, store)) as run:
        for event in run:
            if isinstance(event, CraftRecord) and event.attack == "first":
                break
    run_suite(SUITE, tmp_path)
    assert records_of(tmp_path) == records_of(finished)


def test_a_lost_picture_from_which_another_search_starts_is_named(finished, tmp_path):
    prepared = _prepared()
    with open_run(tmp_path, describe(prepared)) as store, closing(execute(prepared, store)) as run:
        for event in run:
            if isinstance(event, CraftRecord) and event.attack == "second":
                break
    lines = (tmp_path / "records.jsonl").read_text().splitlines(keepends=True)
    last = json.loads(lines[-1])
    assert last["attack"] == "second"
    (tmp_path / "records.jsonl").write_text("".join(lines[:-1]))
    name = (*last["sources"], last["picture"], last["start"])
    parent = _crafts(finished, "first")[name].key
    (tmp_path / "adversarial" / f"{parent}.png").unlink()
    with pytest.raises(StoreError, match=f"{parent}.png was lost or altered, and another search"):
        run_suite(SUITE, tmp_path)


def test_a_finished_run_is_planned_again_from_its_manifest(finished):
    manifest = read_run(finished).manifest
    again = replan(manifest, Path())
    assert {job.key for job in again.plan.crafts} == set(read_run(finished).crafts)


def test_a_search_can_start_at_the_source_picture(tmp_path):
    """One step of almost no size leaves it as it is, and draws no random numbers."""
    head, tail = SUITE[: SUITE.index("  - {name: apgd")], SUITE[SUITE.index("objectives: [d") :]
    attack = "  - {name: pgd, steps: 1, step_size: 1.0e-9, label: one, start_from: source}\n"
    run_suite(head + attack + tail, tmp_path)
    crafts = _crafts(tmp_path, "one")
    assert len(crafts) == 4
    assert all("unchanged" in craft.flags for craft in crafts.values())


LONGER = """\
name: small
images: {set: sample, names: [chelsea], crop: {height: 32, width: 32}}
codecs: [{name: toy, gain: 1.5, label: toy}]
attacks: [{name: pgd, steps: 10, step_size: STEP, extensions: 2}]
objectives: [rate]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


def _search(folder, text):
    run_suite(text, folder)
    return next(craft for craft in read_run(folder).crafts.values() if craft.objective)


def test_a_search_that_still_rises_gets_twice_the_steps_twice(tmp_path):
    """Steps of a thousandth of the radius rise to the end, with 10, 20 and 40 steps."""
    craft = _search(tmp_path, LONGER.replace("STEP", "0.001"))
    assert craft.gradients == 10 + 20 + 40
    assert craft.flags == ("still-rising",)


def test_a_search_that_has_converged_is_not_repeated(tmp_path):
    craft = _search(tmp_path, LONGER.replace("STEP", "1.0"))
    assert craft.gradients == 10
    assert craft.flags == ()


def test_only_the_pictures_that_still_rise_take_the_longer_result(tmp_path):
    """In a batch, a picture that is 255 everywhere has nothing to gain and keeps its result."""
    Image.new("RGB", (32, 32), (255, 255, 255)).save(tmp_path / "white.png")
    Image.new("RGB", (32, 32), (100, 90, 80)).save(tmp_path / "grey.png")
    text = LONGER.replace("STEP", "0.001").replace("threads: 1", "threads: 1, batch: 2")
    files = f"[{tmp_path / 'white.png'}, {tmp_path / 'grey.png'}]"
    start = text.index("images:")
    text = text[:start] + f"images: {{files: {files}}}\n" + text[text.index("codecs:") :]
    run_suite(text, tmp_path / "run")
    run = read_run(tmp_path / "run")
    white, grey = (
        next(c for c in run.crafts.values() if c.objective and c.picture == name)
        for name in ("white", "grey")
    )
    assert "still-rising" in grey.flags
    assert white.gradients == grey.gradients == 70


@dataclass(frozen=True)
class Peaking:
    """Rises to another height for each number of steps and picture."""

    heights: dict[int, list[float]]
    steps: int = 10

    def __call__(self, target, images, budget, rngs):
        highest = torch.tensor(self.heights[self.steps])
        trace = torch.linspace(0.1, 1, self.steps)[:, None] * highest
        trace[10:11] = torch.inf  # not finite: no value
        return AttackResult(images + self.steps / 255, trace, ((),) * len(images))


def test_a_longer_run_that_finds_less_does_not_replace_the_picture():
    source, seeds = torch.zeros(3, 3, 4, 4), [1, 2, 3]
    attack = Peaking({10: [2.0, 2.0, 2.0], 20: [1.0, 3.0, 3.0], 40: [1.5, 2.5, 4.0]})
    search = Search(NoTarget(), source, Linf(255), seeds)
    found = run_until_converged(attack, search, 2)
    assert (found.images[:, 0, 0, 0] * 255).round().tolist() == [10, 20, 40]
    assert [one[one.isfinite()].max() for one in found.trace.T] == [2, 3, 4]


def test_only_the_keys_of_searches_with_extensions_are_new(tmp_path):
    text = LONGER.replace("STEP", "1.0").replace("attacks: [", "attacks: [fgsm, ")
    prepared = prepare(parse(text, "small.yaml", Suite), Path())
    run_suite(text, tmp_path)
    older = read_run(tmp_path).manifest.model_copy(update={"searching": 3})
    again = replan(older, Path())
    new = {str(job.search.choice) for job in prepared.plan.crafts} - {
        str(job.search.choice)
        for job, other in zip(prepared.plan.crafts, again.plan.crafts, strict=True)
        if job.key == other.key
    }
    assert new == {"pgd steps=10 step_size=1.0"}


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("attack: first,", "attack: third,", "'second' starts from the pictures of 'third' for"),
        ("objective: distortion}", "objective: rate}", "no attack before it has this label and"),
        (
            "starts: 2, label",
            "starts: 0, label",
            "'starts' of an attack is a number from 1 to 1000",
        ),
        ("start_from: {attack: first, objective: distortion}", "start_from: first", "or a mapping"),
        (
            "starts: 2, label",
            "extensions: 9, label",
            "'extensions' of an attack is a number from 0",
        ),
        (
            "name: apgd, steps: 5",
            "name: apgd, steps: 5, start_from: [a]",
            "is 'source', or a mapping with attack",
        ),
    ],
)
def test_settings_that_are_not_valid_are_refused(before, after, message):
    assert before in SUITE
    with pytest.raises(ConfigError, match=message):
        parse(SUITE.replace(before, after), "small.yaml", Suite)


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        ("name: fgsm", "'second' cannot start from given pictures; remove 'start_from'"),
        ("name: fgsm, extensions: 1", "has no steps to double; remove 'extensions'"),
    ],
)
def test_settings_that_an_attack_does_not_support_are_refused(attack, message):
    own = "" if "extensions" in attack else "start_from: {attack: first, objective: distortion}, "
    head = SUITE[: SUITE.index("  - name: pgd")]
    tail = SUITE[SUITE.index("objectives: [distortion]") :]
    text = f"{head}  - {{{attack}, {own}label: second}}\n{tail}"
    with pytest.raises(BenchError, match=message):
        _prepared(text)


def test_a_single_search_starts_from_the_best_of_several_starts(tmp_path):
    text = SUITE.replace("    objectives: [rate]\n    starts: 2\n", "    objectives: [rate]\n")
    run_suite(text, tmp_path)
    first, second = (_crafts(tmp_path, attack) for attack in ("first", "second"))
    assert len(first) == 8
    assert len(second) == 4
    for (source, picture, _), craft in second.items():
        starts = [first[source, picture, start] for start in (0, 1)]
        best = max(starts, key=lambda one: one.values[-1])
        assert _pixels(tmp_path, craft) == _pixels(tmp_path, best)
    values = {craft.values[-1] for craft in first.values() if craft.sources == ("learned",)}
    assert len(values) == 4


def test_objective_may_be_written_before_attack():
    text = SUITE.replace(
        "{attack: first, objective: distortion}", "{objective: distortion, attack: first}"
    )
    assert parse(text, "small.yaml", Suite) == parse(SUITE, "small.yaml", Suite)
