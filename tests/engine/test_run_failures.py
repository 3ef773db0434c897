"""What fails in a run is a record of it; what cannot be run is reported before anything runs."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from attacks.gradient.pgd import PGD
from attacks.query.square import Square
from backends.toy import Toy
from bench.attack import AttackResult
from bench.codec import Image
from bench.crafting.craft import UNCHANGED
from bench.crafting.oracle import QUERIES_SPENT
from bench.crafting.target import NAN_GRADIENT
from bench.errors import BenchError, CodecError, ConfigError, MachineError
from bench.store.run_folder import read_run
from small_run import SUITE, run_suite


@pytest.mark.parametrize("failure", [RuntimeError("fell over"), SystemExit("fell over")])
def test_a_codec_that_fails_is_a_record_not_an_end(tmp_path: Path, monkeypatch, failure):
    def broken(self: Toy, bitstream: bytes):
        raise failure

    monkeypatch.setattr(Toy, "decode", broken)
    run_suite(SUITE, tmp_path)
    run = read_run(tmp_path)
    toys = [record for record in run.measures if record.victim == "toy"]
    assert {(r.status, r.stage, r.reason) for r in toys} == {
        ("failed", "clean", f"{type(failure).__name__}: fell over")
    }
    assert {r.status for r in run.measures if r.victim != "toy"} == {"ok"}


def test_an_attack_that_breaks_is_a_record_not_an_end(tmp_path: Path, monkeypatch):
    def broken(self: PGD, *_):
        raise IndexError("the attack fell over")

    monkeypatch.setattr(PGD, "__call__", broken)
    run_suite(SUITE, tmp_path)
    run = read_run(tmp_path)
    outcomes = {(r.status, r.reason) for r in run.crafts.values() if r.attack == "pgd steps=3"}
    assert outcomes == {("failed", "IndexError: the attack fell over")}
    assert len(run.measures) == run.manifest.cells


def test_a_file_error_inside_a_codec_is_its_failure(tmp_path: Path, monkeypatch):
    def unreadable(self: Toy, bitstream: bytes):
        raise OSError("cannot identify image file")

    monkeypatch.setattr(Toy, "decode", unreadable)
    run_suite(SUITE, tmp_path)
    toys = [record for record in read_run(tmp_path).measures if record.victim == "toy"]
    assert {(r.status, r.reason) for r in toys} == {
        ("failed", "OSError: cannot identify image file")
    }


@pytest.fixture(
    params=[
        OSError(28, "No space left on device"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ]
)
def refused(request):
    return request.param


def test_a_resource_that_runs_out_once_costs_no_score(tmp_path: Path, monkeypatch, refused):
    encode, calls = Toy.encode, iter([refused])

    def starved(self: Toy, image: Image) -> bytes:
        for error in calls:
            raise error
        return encode(self, image)

    monkeypatch.setattr(Toy, "encode", starved)
    run_suite(SUITE, tmp_path)
    assert {record.status for record in read_run(tmp_path).measures} == {"ok"}


def test_a_resource_that_always_runs_out_fails_only_its_codec(tmp_path: Path, monkeypatch, refused):
    def starved(self: Toy, image: Image) -> bytes:
        raise refused

    monkeypatch.setattr(Toy, "encode", starved)
    run_suite(SUITE, tmp_path)
    run = read_run(tmp_path)
    assert len(run.measures) == run.manifest.cells
    toys = [record for record in run.measures if record.victim == "toy"]
    assert {record.status for record in toys} == {"failed"}
    assert all("ran out of a resource" in record.reason for record in toys)
    assert {record.status for record in run.measures if record.victim != "toy"} == {"ok"}


def test_a_full_disk_ends_the_run_and_loses_nothing(tmp_path: Path, monkeypatch, refused):
    def starved(self: Toy, image: Image) -> bytes:
        raise refused

    monkeypatch.setattr(Toy, "encode", starved)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    with pytest.raises(MachineError, match=r"the disk of .* is full"):
        run_suite(SUITE, tmp_path)
    monkeypatch.undo()
    run_suite(SUITE, tmp_path)
    assert {record.status for record in read_run(tmp_path).measures} == {"ok"}


def test_an_attack_that_writes_into_its_source_is_still_held_to_its_budget(tmp_path, monkeypatch):
    def inplace(self: PGD, target, images, budget, rngs):
        images += 0.3
        return AttackResult(images, images.new_empty(0, 1))

    monkeypatch.setattr(PGD, "__call__", inplace)
    run_suite(SUITE, tmp_path)
    run = read_run(tmp_path)
    pgd = [record for record in run.crafts.values() if record.attack == "pgd steps=3"]
    assert {record.status for record in pgd} == {"failed"}
    assert all(r.scores is None or r.scores.linf <= 8 for r in run.measures)


def test_a_codec_that_writes_into_its_picture_harms_only_itself(tmp_path, monkeypatch):
    encode = Toy.encode

    def greedy(self: Toy, image: Image) -> bytes:
        image -= image % 16
        return encode(self, image)

    monkeypatch.setattr(Toy, "encode", greedy)
    run_suite(SUITE, tmp_path)
    run = read_run(tmp_path)
    assert {r.status for r in run.measures if r.victim == "toy"} == {"failed"}
    lossless = [r.scores for r in run.measures if r.victim == "identity"]
    assert all(scores is not None and scores.mse_input == 0 for scores in lossless)


def test_a_surrogate_of_nan_is_flagged_and_the_run_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Toy, "reconstruct", lambda self, images: images * float("nan"))
    run_suite(SUITE, tmp_path)
    crafts = read_run(tmp_path).crafts.values()
    wanted = [r for r in crafts if r.objective == "distortion"]
    assert all(NAN_GRADIENT in record.flags for record in wanted)


def test_a_search_that_changes_nothing_says_so(tmp_path, monkeypatch):
    def idle(self: PGD, target, images, budget, rngs):
        return AttackResult(images, images.new_empty(0, 1))

    monkeypatch.setattr(PGD, "__call__", idle)
    run_suite(SUITE, tmp_path)
    pgd = [r for r in read_run(tmp_path).crafts.values() if r.attack == "pgd steps=3"]
    assert all(UNCHANGED in record.flags for record in pgd)


@pytest.mark.parametrize(
    "twins",
    [
        SUITE.replace("fgsm", "ifgsm, {name: ifgsm, steps: 60, label: again}"),
        SUITE.replace("distortion,", "distortion, {name: distortion, reference: source},"),
    ],
)
def test_one_search_under_two_names_is_refused(tmp_path, twins):
    with pytest.raises(ConfigError, match="are the same search; remove one"):
        run_suite(twins, tmp_path)


def test_parameters_tell_codecs_apart_whose_fingerprints_do_not(tmp_path, monkeypatch):
    monkeypatch.setattr(Toy, "fingerprint", lambda self: "toy")
    text = SUITE.replace("{name: toy, label: toy}", "{name: toy, gain: [1.0, 0.5]}")
    run_suite(text, tmp_path)
    run = read_run(tmp_path)
    white = [r for r in run.measures if r.threat == "white-box"]
    assert all(run.crafts[str(record.craft)].sources == (record.victim,) for record in white)
    assert {record.victim for record in white} == {"toy gain=1.0", "toy gain=0.5"}


class _Dice(Toy):
    def draw(self, rng: np.random.Generator) -> Toy:
        return self


def test_a_codec_that_draws_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("backends.toy.Toy", _Dice)
    with pytest.raises(CodecError, match=r"_Dice\.draw\(\) still returns a Randomised codec"):
        run_suite(SUITE, tmp_path)


def test_an_attack_that_asks_too_much_is_ended_with_its_best_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(Square, "evaluations", 5)
    text = SUITE.replace("uniform-noise, fgsm, {name: pgd, steps: 3}", "square")
    run_suite(text, tmp_path)
    crafts = [c for c in read_run(tmp_path).crafts.values() if c.attack == "square"]
    assert {(c.status, c.queries, c.flags) for c in crafts} == {("ok", 5, (QUERIES_SPENT,))}


def test_a_budget_that_an_attack_cannot_do_is_recorded_as_unsupported(tmp_path: Path):
    text = SUITE.replace("fgsm, {name: pgd, steps: 3}", "{name: ftda, steps: 3}")
    run_suite(text.replace("[{linf: 8}]", "[{linf: 8}, {mse: 1.0e-4}]"), tmp_path)
    run = read_run(tmp_path)
    assert len(run.measures) == run.manifest.cells
    ftda = [record for record in run.crafts.values() if record.attack == "ftda steps=3"]
    assert {(record.budget, record.status) for record in ftda} == {
        ("linf 8", "unsupported"),
        ("mse 0.0001", "ok"),
    }
    reasons = {record.reason for record in ftda if record.status != "ok"}
    assert reasons == {
        "the attack 'ftda steps=3' cannot keep a budget in linf, only in l2 and mse",
    }


def test_an_attack_that_can_do_no_budget_of_the_suite_is_refused(tmp_path: Path):
    text = SUITE.replace("fgsm,", "madc, fgsm,").replace("linf: 8", "linf: 4")
    with pytest.raises(ConfigError, match=r"'madc' supports budgets in l2 and mse.* only linf 4;"):
        run_suite(text, tmp_path)


def test_a_region_outside_a_picture_is_refused(tmp_path):
    region = "{linf: 8, region: {top: 20, left: 0, height: 5, width: 5}}"
    with pytest.raises(ConfigError, match="picture 'chelsea' of 24x40, 'coffee' of 24x40"):
        run_suite(SUITE.replace("[{linf: 8}]", f"[{region}]"), tmp_path)


def test_an_attack_that_leaves_its_budget_is_rejected_and_recorded(tmp_path: Path, monkeypatch):
    def far(self: PGD, target, images, budget, rngs):
        return AttackResult((images + 9 / 255).clamp(0, 1), images.new_empty(0, 1))

    monkeypatch.setattr(PGD, "__call__", far)
    run_suite(SUITE.replace("uniform-noise, ", ""), tmp_path)
    run = read_run(tmp_path)
    pgd = [record for record in run.crafts.values() if record.attack == "pgd steps=3"]
    assert {record.status for record in pgd} == {"failed"}
    assert all("the budget is linf 8" in record.reason for record in pgd)
    attacked = [r for r in run.measures if r.craft in {record.key for record in pgd}]
    assert {(record.status, record.stage) for record in attacked} == {("failed", "craft")}


def test_a_corrupt_picture_among_good_ones_is_reported_before_anything_runs(tmp_path: Path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for index in range(3):
        Pillow.fromarray(np.full((8, 8, 3), index, np.uint8)).save(photos / f"{index}.png")
    (photos / "1.png").write_bytes((photos / "1.png").read_bytes()[:40])
    text = SUITE.replace(
        "{set: sample, names: [chelsea, coffee], crop: {height: 24, width: 40}}",
        f"{{set: {photos}}}",
    )
    with pytest.raises(BenchError, match=r"1\.png"):
        run_suite(text, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_error_that_only_names_memory_is_the_attacks_own(tmp_path, monkeypatch):
    def sharing(self: PGD, target, images, budget, rngs):
        torch.zeros(1, 3).expand(4, 3).add_(1)

    monkeypatch.setattr(PGD, "__call__", sharing)
    run_suite(SUITE, tmp_path)
    pgd = [r for r in read_run(tmp_path).crafts.values() if r.attack == "pgd steps=3"]
    assert {r.status for r in pgd} == {"failed"}
    assert all("single memory location" in r.reason for r in pgd)


@pytest.mark.parametrize("broken", [lambda self, stream: None, lambda self, stream: [[1], [1, 2]]])
def test_a_decoder_that_returns_no_picture_is_a_record_not_an_end(tmp_path, monkeypatch, broken):
    monkeypatch.setattr(Toy, "decode", broken)
    run_suite(SUITE, tmp_path)
    toys = [record for record in read_run(tmp_path).measures if record.victim == "toy"]
    assert {record.status for record in toys} == {"failed"}


def test_an_attack_that_returns_no_trace_is_a_record_not_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(PGD, "__call__", lambda self, _, images, *rest: AttackResult(images, []))
    run_suite(SUITE, tmp_path)
    pgd = [r for r in read_run(tmp_path).crafts.values() if r.attack == "pgd steps=3"]
    assert {r.status for r in pgd} == {"failed"}
