"""What `precision` and `compile` of a suite do to searches, and never to scores."""

from pathlib import Path

import pytest
import torch
from torch._inductor import config as inductor
from torch.backends import cudnn

from attacks.gradient.pgd import PGD
from attacks.objectives.basic import Distortion, Rate, RateDistortion
from bench.budget import Linf
from bench.cli.main import main
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.engine.runner import describe, execute, prepare
from bench.errors import ConfigError
from bench.store.records import TIMES
from bench.store.run_folder import open_run, read_run
from bench.suite.suite import Suite
from bench.tensors import to_image, to_tensor
from bench.utils import machine
from bench.utils.precision import (
    PLAIN,
    Arithmetic,
    current_arithmetic,
    require_compiler,
    use_arithmetic,
)
from bench.utils.yaml_config import parse
from leaderboard.ranking.board import build_board
from leaderboard.render.page import markdown

HALF = Arithmetic("bfloat16")

ARCHITECTURES = (
    "bmshj2018-factorized",
    "bmshj2018-hyperprior",
    "mbt2018-mean",
    "mbt2018",
    "cheng2020-attn",
)

SUITE = """\
name: small
images: {set: sample, names: [chelsea], crop: {height: 64, width: 64}}
codecs:
  - {name: bmshj2018-factorized, checkpoint: bmshj2018-factorized-small-q4, label: learned}
  - {name: jpeg, quality: 50, label: JPEG}
attacks: [{name: pgd, steps: 8}]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


def _prepared(compute="threads: 1"):
    text = SUITE.replace("threads: 1", compute)
    return prepare(parse(text, "small.yaml", Suite), Path())


def _keys(compute):
    plan = _prepared(compute).plan
    crafts = {job.key: bool(job.sources) for job in plan.crafts}
    return crafts, {cell.key for cell in plan.cells if cell.craft is None}


def test_a_gpu_would_compute_in_float32_and_the_same_every_time(monkeypatch):
    monkeypatch.setattr(cudnn, "benchmark", True)
    with use_arithmetic(PLAIN):
        assert (cudnn.enabled, cudnn.deterministic) == (True, True)
        assert (cudnn.benchmark, cudnn.allow_tf32) == (False, False)
    assert (cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32) == (False, True, True)


@pytest.fixture
def compilations(monkeypatch):
    """Return a list of what was compiled; nothing really is."""
    done = []

    def compile_(work, **options):
        done.append((work, options))
        return work

    monkeypatch.setattr(torch, "compile", compile_)
    return done


def test_keys_of_suites_that_set_nothing_are_those_of_before():
    plan = _prepared().plan
    assert plan.crafts[0].arithmetic == PLAIN
    assert Suite.model_fields["compute"].default.identity == {"threads": 2}
    assert _keys("threads: 1") == _keys("threads: 1, precision: float32, compile: false")


def test_what_is_set_is_part_of_the_keys_of_searches_alone(compilations):
    plain, clean = _keys("threads: 1")
    seen = [plain]
    for setting in ("precision: bfloat16", "compile: true", "precision: bfloat16, compile: true"):
        crafts, same = _keys(f"threads: 1, {setting}")
        assert same == clean
        for other in seen:
            shared = crafts.keys() & other.keys()
            assert shared == {key for key, searches in crafts.items() if not searches}
        seen.append(crafts)


def test_another_way_of_bfloat16_is_another_search_in_it_alone(monkeypatch):
    settings = ("threads: 1", "threads: 1, precision: bfloat16")
    (plain, clean), (before, _) = map(_keys, settings)
    monkeypatch.setattr("bench.suite.suite.BFLOAT16_VERSION", 1)
    assert _keys(settings[0]) == (plain, clean)
    after, same = _keys(settings[1])
    assert same == clean
    assert {key for key in before if key in after} == {key for key in before if not before[key]}


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        ("precision: float16", "compute.precision: .*'float32' or 'bfloat16', got 'float16'"),
        ("compile: 3", "compute.compile: .*boolean"),
        ("compiled: true", "compute.compiled: unknown key; did you mean 'compile'"),
    ],
)
def test_what_is_no_setting_is_refused(compute, message):
    with pytest.raises(ConfigError, match=message):
        _prepared(compute)


@pytest.mark.parametrize("objective", [Distortion(), Rate(), RateDistortion()])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_gradient_in_bfloat16_points_where_the_exact_one_does(
    architecture, objective, small_codec, photograph
):
    source = to_tensor(photograph("chelsea", 64, 96))
    noise = torch.rand(source.shape, generator=torch.Generator().manual_seed(0)) - 0.5
    near = (source + noise * 16 / 255).clamp(0, 1)
    target = CodecTarget(small_codec(architecture), objective, source)
    value, gradient = target.value_and_grad(near)
    with use_arithmetic(HALF):
        coarse, followed = target.value_and_grad(near)
    assert followed.dtype == coarse.dtype == torch.float32
    assert not torch.equal(followed, gradient)
    assert coarse == pytest.approx(value, rel=0.05)
    assert torch.cosine_similarity(gradient.flatten(), followed.flatten(), 0) > 0.8


def test_bits_far_outside_the_support_are_counted_alike(small_codec, photograph):
    codec = small_codec("bmshj2018-hyperprior")
    loud = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)).round()
    exact = codec.rate(loud)
    with use_arithmetic(HALF):
        coarse = codec.rate(loud)
    for name, bits in exact.items():
        assert coarse[name].dtype == torch.float32
        assert coarse[name].sum().item() == pytest.approx(bits.sum().item(), rel=0.03)


def test_nothing_that_is_scored_hears_of_it(small_codec, photograph, compilations):
    codec, image = small_codec("mbt2018-mean"), photograph("chelsea", 64, 64)
    source = to_tensor(image)
    with use_arithmetic(Arithmetic("bfloat16", compiled=True)):
        target = CodecTarget(codec, Rate(), source)
        found = to_image(run_attack(PGD(steps=2), target, source, Linf(8), 0).images)
        assert len(compilations) == 1
        inside = codec.encode(found), codec.estimated_bits(found)
        decoded = codec.decode(inside[0])
        assert len(compilations) == 1
    assert inside == (codec.encode(found), codec.estimated_bits(found))
    assert (decoded == codec.decode(inside[0])).all()
    assert current_arithmetic() == PLAIN


def test_each_half_of_a_net_is_compiled_once_for_each_shape_alone(small_codec, photograph):
    codec = small_codec("bmshj2018-factorized", seed=7)
    with pytest.MonkeyPatch.context() as patched:
        done = []
        patched.setattr(torch, "compile", lambda work, **options: done.append(options) or work)
        with use_arithmetic(Arithmetic(compiled=True)):
            for side in (64, 128):
                codec.rate(to_tensor(photograph("chelsea", side, side)))
                codec.reconstruct(to_tensor(photograph("chelsea", side, side)))
    assert done == [{"dynamic": False}] * 2


def _records(compute, folder):
    prepared = _prepared(compute)
    with open_run(folder, describe(prepared)) as store:
        list(execute(prepared, store))
    run = read_run(folder)
    assert {record.status for record in run.measures} == {"ok"}
    return run


def test_searches_in_bfloat16_gain_as_much_and_what_they_share_is_scored_alike(tmp_path):
    plain, half = (
        _records(compute, tmp_path / compute[-4:])
        for compute in ("threads: 1", "threads: 1, precision: bfloat16")
    )
    assert _unsearched(plain) == _unsearched(half)
    sentence = (
        "**Searches** followed gradients of nets in bfloat16; everything is scored in float32."
    )
    assert [sentence in markdown(build_board([run])) for run in (plain, half)] == [False, True]
    for objective, gain in (
        ("distortion", lambda scores: scores.drop_db),
        ("rate", lambda scores: scores.bpp_factor - 1),
    ):
        exact, coarse = (gain(_attacked(run, objective)) for run in (plain, half))
        assert exact > 0.05
        assert coarse == pytest.approx(exact, rel=0.25)


def _unsearched(run):
    """Return the records that no gradient went into, times apart."""
    noise = {key for key, craft in run.crafts.items() if not craft.sources}
    return [
        record.model_dump(exclude=set(TIMES))
        for record in run.measures
        if record.craft is None or record.craft in noise
    ]


def _attacked(run, objective):
    (key,) = (key for key, craft in run.crafts.items() if craft.objective == objective)
    (record,) = (r for r in run.measures if r.craft == key and r.victim == "learned")
    return record.scores


def test_the_same_suite_finds_the_same_pictures_again(tmp_path):
    compute = "threads: 1, precision: bfloat16"
    first, again = (_records(compute, tmp_path / name) for name in ("first", "again"))
    assert {key: one.sha256 for key, one in first.crafts.items()} == {
        key: one.sha256 for key, one in again.crafts.items()
    }


@pytest.mark.parametrize(("speedup", "said"), [(0.05, True), (1.5, False)])
def test_a_run_says_where_bfloat16_is_slower(speedup, said, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(machine, "bfloat16_speedup", lambda device: speedup)
    path = tmp_path / "small.yaml"
    path.write_text(
        "name: small\nimages: {set: sample, limit: 1, crop: {height: 16, width: 16}}\n"
        "codecs: [identity]\nattacks: [sign-noise]\nobjectives: [distortion]\n"
        "budgets: [{linf: 8}]\ncompute: {threads: 1, precision: bfloat16}\n"
    )
    assert main(["run", str(path), "-o", str(tmp_path / "run")]) == 0
    message = "bfloat16 is 20.0 times as slow as float32 on this machine; leave 'precision:"
    assert (message in capsys.readouterr().out) == said


def test_the_speed_of_bfloat16_is_measured():
    assert 0.001 < machine.bfloat16_speedup(torch.device("cpu")) < 100


def test_a_machine_without_a_compiler_is_reported_before_anything_runs(monkeypatch):
    monkeypatch.setattr(inductor.cpp, "cxx", (None, "/nonexistent/g++"))
    with pytest.raises(ConfigError, match=r"'compile: true' needs a C\+\+ compiler .* leave 'com"):
        _prepared("threads: 1, compile: true")


@pytest.mark.slow
def test_what_is_compiled_computes_the_same(small_codec, photograph):
    require_compiler(Arithmetic(compiled=True))
    source = to_tensor(photograph("chelsea", 64, 64))
    target = CodecTarget(small_codec("bmshj2018-factorized"), Rate(), source)
    value, gradient = target.value_and_grad(source)
    with use_arithmetic(Arithmetic(compiled=True)):
        same, followed = target.value_and_grad(source)
    assert same == pytest.approx(value, rel=1e-4)
    assert torch.cosine_similarity(gradient.flatten(), followed.flatten(), 0) > 0.999
