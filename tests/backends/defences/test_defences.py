"""Defended codecs in suites and runs: adaptive and defence-unaware attacks, and their scores."""

from __future__ import annotations

import json

import pytest

from bench.cli.list import listed
from bench.cli.main import main
from bench.engine.runner import prepare
from bench.errors import ConfigError
from bench.registry.registry import entries, instantiate
from bench.store.run_folder import read_run
from bench.suite.json_schema import suite_schema
from bench.suite.suite import Suite, load_suite
from bench.utils.yaml_config import parse
from leaderboard.ranking.board import build_board
from paths import ROOT

SUITE = """\
name: small
images: {set: sample, names: [coffee], crop: {height: 24, width: 40}}
codecs:
  - {name: jpeg, quality: [30, 60], defence: [{name: bit-depth, bits: [4, 5]}, flip]}
attacks: [fgsm]
budgets: [{linf: 8}]
compute: {threads: 1}
"""
GUARDS = """\
from dataclasses import dataclass

from bench.defence import Layer, only
from bench.entry import Entry
from bench.wrapping import layered


class _Masked(Layer):
    identity = "masked"

    def before(self, image):
        return image

    def relaxed_before(self, images):
        return images.detach()


@dataclass(frozen=True)
class Masked:
    gradient = "none"

    def __call__(self, codec):
        return layered(only(_Masked()), 0, codec)


DEFENCES = {"masked": Entry(Masked, "hides the gradient and does nothing else")}
"""


def _suite(text=SUITE):
    return parse(text, "small.yaml", Suite)


def _toy(defence, more=""):
    text = SUITE.replace("codecs:", f"{more}codecs:")
    line = text.splitlines()[3 + bool(more)]
    toy = f"  - {{name: toy, gain: 0.5, defence: {defence}, label: guarded}}"
    return text.replace(line, toy).replace("[fgsm]", "[{name: ifgsm, steps: 4}]")


def _run(text, folder):
    folder.mkdir(exist_ok=True)
    (folder / "small.yaml").write_text(text)
    assert main(["run", str(folder / "small.yaml"), "-o", str(folder / "out")]) == 0
    return read_run(folder / "out")


def test_a_list_of_defences_is_one_after_the_other_and_values_in_it_are_a_grid():
    points = _suite().operating_points
    assert [str(point) for point in points] == [
        f"jpeg quality={quality} + bit-depth bits={bits} + flip"
        for quality in (30, 60)
        for bits in (4, 5)
    ]
    first = instantiate("codec", points[0]).fingerprint()
    assert first.index("BitDepth(bits=4)") < first.index("mirrored") < first.index("JPEG")


def test_labels_may_name_the_defence():
    text = SUITE.replace("flip]}", 'flip], label: "JPEG {quality}, {defence}"}')
    assert str(_suite(text).operating_points[1]) == "JPEG 30, bit-depth bits=5 + flip"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("flip]", "flop]", "unknown defence 'flop'; did you mean 'flip'?"),
        ("bits: [4, 5]", "bit: 4", "the defence 'bit-depth' has no parameter 'bit'"),
        ("bits: [4, 5]", "bits: 9", "'bits' of the defence 'bit-depth': "),
        ("[fgsm]", "[{name: fgsm, defence: flip}]", "the attack 'fgsm' takes no parameters"),
        ("flip]", "{name: recode, purifier: jepg}]", "unknown codec 'jepg'; did you mean 'jpeg'?"),
        ("flip]", "{name: recode, purifier: jpeg}]", "the codec 'jpeg' needs the parameter"),
        ("flip]", "{name: recode, purifier: 3}]", "expected the codec's name, or a mapping"),
    ],
)
def test_what_is_wrong_with_a_defence_is_told(before, after, expected):
    with pytest.raises(ConfigError, match=r"small\.yaml:4: |small\.yaml:5: ") as caught:
        _suite(SUITE.replace(before, after))
    assert expected in str(caught.value)


def test_editors_know_every_defence():
    schema = suite_schema()
    jpeg = next(
        item
        for item in schema["properties"]["codecs"]["items"]["anyOf"][1:]
        if item["properties"]["name"]["const"] == "jpeg"
    )
    assert jpeg["properties"]["defence"]["anyOf"][0] == {"$ref": "#/$defs/Defence"}
    assert set(schema["$defs"]["Defence"]["anyOf"][0]["enum"]) == set(entries("defence"))
    json.dumps(schema)


def test_every_defence_is_listed_with_what_an_attack_follows_through_it(capsys):
    assert {item.name for item in listed("defences")} == set(entries("defence"))
    assert all(item.gradient and item.problem is None for item in listed("defences"))
    assert main(["list", "defences"]) == 0
    assert "self-ensemble" in capsys.readouterr().out


def test_the_codec_without_its_defences_is_always_there_and_only_once(tmp_path):
    found = prepare(_suite(_toy("flip")), tmp_path)
    assert set(found.codecs) == {"guarded", "toy gain=0.5", "identity"}
    listed = _toy("flip").replace("attacks:", "  - {name: toy, gain: 0.5, label: plain}\nattacks:")
    assert set(prepare(_suite(listed), tmp_path).codecs) == {"guarded", "plain", "identity"}
    default = _toy("flip").replace("gain: 0.5, ", "gain: 1.0, ")
    default = default.replace("attacks:", "  - toy\nattacks:")
    assert set(prepare(_suite(default), tmp_path).codecs) == {"guarded", "toy", "identity"}


def test_a_lossless_codec_behind_a_defence_does_not_stand_for_the_lossless_one(tmp_path):
    text = SUITE.replace(SUITE.splitlines()[3], "  - {name: identity, defence: bit-depth}")
    run = _run(text, tmp_path)
    assert set(run.manifest.codecs) == {"identity + bit-depth", "identity"}
    rows = {row.place.codec: row for row in build_board([run]).rows}
    assert rows["identity"].reference
    assert not rows["identity + bit-depth"].reference


def test_keys_of_codecs_without_defences_are_not_changed_by_others(tmp_path):
    alone = prepare(_suite(_toy("flip").replace(", defence: flip", "")), tmp_path).plan
    beside = prepare(_suite(_toy("flip")), tmp_path).plan
    assert {job.key for job in alone.crafts} <= {job.key for job in beside.crafts}


@pytest.mark.parametrize("transfer", ["none", "gradient-free", "all"])
def test_both_attackers_are_always_scored(transfer, tmp_path):
    text = _toy("flip") + f"transfer: {transfer}\n"
    cells = prepare(_suite(text), tmp_path).plan.cells
    threats = {cell.threat for cell in cells if cell.victim.label == "guarded"}
    assert threats == {"clean", "noise", "unaware", "white-box"}
    assert "unaware" not in {cell.threat for cell in cells if cell.victim.label != "guarded"}


def test_a_codec_that_draws_is_scored_with_the_same_draws_for_every_picture(tmp_path):
    text = _toy("{name: reorder, way: random}").replace(
        "name: toy, gain: 0.5", "name: jpeg, quality: 30"
    )
    run = _run(text + "draws: 5\n", tmp_path / "one")
    cells: dict[str | None, list] = {}
    for record in run.measures:
        if record.victim == "guarded":
            cells.setdefault(record.craft, []).append(record)
    assert all([one.draw for one in group] == [0, 1, 2, 3, 4] for group in cells.values())
    clean = [one.scores.bytes for one in cells[None]]
    assert len(set(clean)) > 1
    for group in cells.values():
        assert [one.scores.bpp_clean for one in group] == [
            one.scores.bpp_clean for one in cells[None]
        ]
    again = _run(text + "draws: 5\n", tmp_path / "two")
    assert [r.scores.bytes for r in run.measures] == [r.scores.bytes for r in again.measures]


@pytest.mark.parametrize("defence", ["{name: reorder, way: random}", "self-ensemble", "two-way"])
def test_black_box_attacks_query_what_is_behind_a_defence(defence, tmp_path):
    text = _toy(defence).replace("name: toy, gain: 0.5", "name: jpeg, quality: 30")
    text = text.replace("{name: ifgsm, steps: 4}", "{name: square, queries: 12}")
    run = _run(text + "draws: 2\n", tmp_path / "one")
    threats = {record.threat for record in run.measures if record.victim == "guarded"}
    assert threats == {"clean", "noise", "unaware", "black-box"}
    asked = {craft.sources: craft.queries for craft in run.crafts.values() if craft.sources}
    assert set(asked.values()) == {12}
    assert ("guarded",) in asked
    again = _run(text + "draws: 2\n", tmp_path / "two")
    assert [craft.sha256 for craft in run.crafts.values()] == [
        craft.sha256 for craft in again.crafts.values()
    ]


def test_gradients_of_every_draw_are_counted(tmp_path):
    run = _run(_toy("{name: flip, way: random}") + "draws: 5\n", tmp_path)
    counted = {craft.sources: craft.gradients for craft in run.crafts.values() if craft.sources}
    assert counted["guarded",] == 5 * counted["toy gain=0.5",]


def test_more_draws_are_another_search_of_codecs_that_draw_alone(tmp_path):
    few, many = (
        prepare(_suite(_toy("{name: flip, way: random}") + f"draws: {draws}\n"), tmp_path).plan
        for draws in (2, 3)
    )
    changed = {job.key for job in few.crafts} - {job.key for job in many.crafts}
    assert {job.sources[0].label for job in few.crafts if job.key in changed} == {"guarded"}


def _flags(run):
    row = next(row for row in build_board([run]).rows if row.place.codec == "guarded")
    return {flag.name for flag in row.flags}


def test_a_defence_that_only_hides_its_gradient_is_found_out(tmp_path):
    (tmp_path / "guards.py").write_text(GUARDS)
    found = _flags(_run(_toy("masked", "plugins: [guards.py]\n"), tmp_path))
    assert {"weaker-than-unaware", "zero-gradient"} <= found


def test_a_defence_that_hides_nothing_is_not_flagged(tmp_path):
    assert "weaker-than-unaware" not in _flags(_run(_toy("flip"), tmp_path))


EVERY = (
    "flip",
    "{name: flip, way: random}",
    "{name: flip, way: cost}",
    "rotate",
    "roll",
    "reorder",
    "random-ensemble",
    "self-ensemble",
    "two-way",
    "bit-depth",
    "resize",
    "gaussian",
    "unsharp",
    "noise",
    "median",
    "bilateral",
    "{name: recode, purifier: {name: jpeg, quality: 60}}",
    "{name: refine, steps: 2}",
    "{name: online-update, steps: 2}",
    "denoise",
    "{name: diffuse, model: 'grey:Grey', checkpoint: FILE, time: 4, stride: 2}",
)


SOME = ("rotate", "random-ensemble", "bit-depth", "noise", "median", "{name: refine, steps: 2}")
"""One of each kind."""


@pytest.mark.parametrize(
    "defences", [SOME, pytest.param(EVERY, marks=pytest.mark.slow)], ids=["some", "every"]
)
def test_an_attacker_who_knows_is_at_least_as_strong_as_one_who_does_not_or_flagged(
    defences, small_checkpoint, grey_diffusion, tmp_path
):
    """The flags are counted again from the records."""
    weights = small_checkpoint("bmshj2018-factorized")
    bare = f"{{name: bmshj2018-factorized, checkpoint: {weights}"
    chosen = [one.replace("FILE", str(grey_diffusion)) for one in defences]
    codecs = "\n".join(
        f"  - {bare}, defence: {one}, label: '{i}'}}" for i, one in enumerate(chosen)
    )
    run = _run(
        f"""\
plugins: [{grey_diffusion.with_name("grey.py")}]
name: every
images: {{set: sample, names: [chelsea], crop: {{height: 64, width: 64}}}}
codecs:
{codecs}
attacks: [{{name: ifgsm, steps: 6}}]
objectives: [distortion, rate]
budgets: [{{linf: 8}}]
draws: 2
compute: {{threads: 1}}
""",
        tmp_path,
    )
    assert {record.status for record in run.measures} == {"ok"}
    rows = {row.place.codec: row for row in build_board([run]).rows}
    weaker = set()
    for index, objective in ((i, o) for i in range(len(defences)) for o in ("distortion", "rate")):
        reached = {
            threat: max(
                one.scores.mse_source if objective == "distortion" else one.scores.bpp
                for one in run.measures
                if (one.victim, one.threat) == (str(index), threat)
                and run.crafts[one.craft].objective == objective
            )
            for threat in ("unaware", "white-box")
        }
        if reached["white-box"] < reached["unaware"]:
            weaker.add((str(index), objective))
    flagged = {
        (codec, flag.objective)
        for codec, row in rows.items()
        for flag in row.flags
        if flag.name == "weaker-than-unaware"
    }
    assert flagged == weaker
    assert len(weaker) <= len(defences) // 2


@pytest.mark.parametrize("name", ["defences", "defences-rate"])
def test_the_bundled_suites_have_every_defence(name):
    suite = load_suite(ROOT / f"suites/{name}.yaml")
    named = {defence.name for point in suite.operating_points for defence in point.defence}
    assert named == set(entries("defence")) - {"diffuse"}  # its weights are the user's
