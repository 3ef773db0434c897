"""Runs: what a suite leaves on disk, resuming, and that the same suite gives the same records."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from attacks.gradient import PGD
from attacks.square import Square
from backends.toy import Toy
from bench import store as store_module
from bench.again import suite_of
from bench.attack import AttackResult
from bench.codec import Image
from bench.config import parse
from bench.craft import UNCHANGED
from bench.errors import BenchError, CodecError, ConfigError, MachineError, StoreError
from bench.estimate import remaining
from bench.metrics import linf, psnr
from bench.oracle import QUERIES_SPENT
from bench.record import TIMES, CraftRecord, MeasureRecord
from bench.registry import build, entry
from bench.run import describe, execute, prepare
from bench.store import opened, read_run
from bench.suite import Suite
from bench.target import NAN_GRADIENT
from leaderboard import board, markdown

_SUITE = """\
name: small
images: {set: sample, names: [chelsea, coffee], crop: {height: 24, width: 40}}
codecs:
  - {name: toy, label: toy}
  - {name: jpeg, quality: 50, label: JPEG}
attacks: [uniform-noise, fgsm, {name: pgd, steps: 3}]
objectives: [distortion, rate]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


def _run(text: str, folder: Path) -> list[object]:
    prepared = prepare(parse(text, "small.yaml", Suite), Path())
    with opened(folder, describe(prepared)) as store:
        return list(execute(prepared, store))


def _records(folder: Path) -> list[dict[str, object]]:
    lines = (folder / "records.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in TIMES} for line in lines]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    _run(_SUITE, folder)
    return folder


def test_every_cell_of_the_plan_has_a_record(finished: Path):
    run = read_run(finished)
    assert len(run.measures) == run.manifest.cells == len({r.key for r in run.measures})
    assert {record.status for record in run.measures} == {"ok"}
    assert {record.victim for record in run.measures} == {"toy", "JPEG", "identity"}


def test_the_manifest_says_what_computed_it(finished: Path):
    machine = read_run(finished).manifest.machine
    assert machine.keys() == {"system", "processor", "vectors", "cores", "memory"}
    assert all(machine.values())
    assert machine["vectors"] == torch.backends.cpu.get_cpu_capability()


def test_noise_and_the_identity_codec_are_always_there(tmp_path: Path):
    _run(_SUITE.replace("uniform-noise, ", ""), tmp_path)
    run = read_run(tmp_path)
    assert {record.victim for record in run.measures} == {"toy", "JPEG", "identity"}
    assert "sign-noise" in {record.attack for record in run.crafts.values()}


def test_no_other_codec_can_pass_for_the_lossless_one(tmp_path: Path):
    with pytest.raises(ConfigError, match="label 'identity' is kept"):
        _run(_SUITE.replace("label: JPEG", "label: identity"), tmp_path)


def test_budgets_that_print_alike_are_different_searches(tmp_path: Path):
    _run(_SUITE.replace("[{linf: 8}]", "[{l2: 300.0001}, {l2: 300.0002}]"), tmp_path)
    crafts = read_run(tmp_path).crafts
    assert len(crafts) == 2 * 2 * (2 + 2 + 2)


def test_threats_are_told_apart(finished: Path):
    seen = {(record.victim, record.threat) for record in read_run(finished).measures}
    assert seen == {
        *(
            (victim, threat)
            for victim in ("toy", "JPEG", "identity")
            for threat in ("clean", "noise")
        ),
        ("toy", "white-box"),
        ("JPEG", "transfer"),
        ("identity", "transfer"),
    }


def test_the_scored_picture_is_the_saved_png_inside_its_budget(finished: Path):
    run = read_run(finished)
    sources = {picture.name: picture.pixels for picture in _pictures()}
    attacked = [record for record in run.measures if record.craft is not None]
    codec = build("codec", parse(_SUITE, "small.yaml", Suite).points[1])
    for record in attacked:
        saved = np.asarray(Pillow.open(finished / "adversarial" / f"{record.craft}.png"))
        source = sources[record.picture]
        assert linf(source, saved) <= 8
        assert record.scores is not None
        assert record.scores.psnr_perturbation == psnr(source, saved)
        if record.victim == "JPEG":
            assert record.scores.bytes == len(codec.encode(saved))
            assert record.scores.psnr_source == psnr(source, codec.decode(codec.encode(saved)))


def _pictures():
    return prepare(parse(_SUITE, "small.yaml", Suite), Path()).pictures


def test_the_same_suite_gives_the_same_records_in_another_folder(finished: Path, tmp_path: Path):
    _run(_SUITE, tmp_path)
    assert _records(tmp_path) == _records(finished)


def test_a_finished_run_has_nothing_left_to_do(finished: Path):
    before = (finished / "records.jsonl").read_bytes()
    assert _run(_SUITE, finished) == []
    assert (finished / "records.jsonl").read_bytes() == before


def test_an_interrupted_run_goes_on_where_it_stopped(finished: Path, tmp_path: Path):
    prepared = prepare(parse(_SUITE, "small.yaml", Suite), Path())
    with opened(tmp_path, describe(prepared)) as store:
        events = execute(prepared, store)
        while len(store.measured) < 9:
            next(events)
        events.close()
    new = [event for event in _run(_SUITE, tmp_path) if isinstance(event, MeasureRecord)]
    assert len(new) == len(prepared.plan.cells) - 9
    assert _records(tmp_path) == _records(finished)


def test_a_torn_last_line_is_measured_again(finished: Path, tmp_path: Path):
    _run(_SUITE, tmp_path)
    path = tmp_path / "records.jsonl"
    path.write_bytes(path.read_bytes()[:-25])
    assert len(read_run(tmp_path).measures) == read_run(tmp_path).manifest.cells - 1
    _run(_SUITE, tmp_path)
    assert _records(tmp_path) == _records(finished)


def test_a_damaged_line_in_the_middle_is_told(tmp_path: Path):
    _run(_SUITE, tmp_path)
    path = tmp_path / "records.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], b'{"kind": "measure"}\n', *lines[3:]]))
    with pytest.raises(StoreError, match=r"records\.jsonl:4 is damaged"):
        read_run(tmp_path)


def test_a_lost_picture_is_found_again_by_the_same_search(tmp_path: Path):
    _run(_SUITE, tmp_path)
    craft = next(r for r in read_run(tmp_path).crafts.values() if r.attack == "pgd steps=3")
    path = tmp_path / "adversarial" / f"{craft.key}.png"
    original = path.read_bytes()
    path.write_bytes(original[: len(original) // 2])
    records = (tmp_path / "records.jsonl").read_text().splitlines(keepends=True)
    kept = [line for line in records if f'"craft":"{craft.key}"' not in line]
    (tmp_path / "records.jsonl").write_text("".join(kept))
    events = _run(_SUITE, tmp_path)
    assert path.read_bytes() == original
    assert not any(isinstance(event, CraftRecord) for event in events)


def test_a_folder_of_another_suite_is_left_alone(finished: Path):
    before = (finished / "records.jsonl").read_bytes()
    with pytest.raises(StoreError, match=r"belongs to another run .* choose another folder"):
        _run(_SUITE.replace("linf: 8", "linf: 4"), finished)
    assert (finished / "records.jsonl").read_bytes() == before


def test_two_processes_cannot_write_to_one_folder(finished: Path):
    prepared = prepare(parse(_SUITE, "small.yaml", Suite), Path())
    manifest = describe(prepared)
    with (
        opened(finished, manifest),
        pytest.raises(StoreError, match="another process is writing"),
        opened(finished, manifest),
    ):
        pass


def test_a_full_disk_loses_nothing_and_the_run_goes_on(finished: Path, tmp_path: Path, monkeypatch):
    full = {"after": 12}
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        full["after"] -= 1
        if full["after"] < 0:
            raise OSError(28, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(store_module.os, "fsync", fsync)
    with pytest.raises(StoreError, match="No space left on device; what was measured before is"):
        _run(_SUITE, tmp_path)
    monkeypatch.undo()
    assert 0 < len(read_run(tmp_path).measures) < read_run(finished).manifest.cells
    _run(_SUITE, tmp_path)
    assert _records(tmp_path) == _records(finished)


@pytest.mark.parametrize("after", [0.05, 0.3, 0.7])
def test_kill_9_and_the_same_command_give_the_same_records(finished: Path, tmp_path: Path, after):
    suite = tmp_path / "small.yaml"
    suite.write_text(_SUITE)
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "bench", "run", str(suite), "--out", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    wanted = max(1, int(after * len(_records(finished))))
    while process.poll() is None and _count(folder) < wanted:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert _count(folder) >= 1
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert _records(folder) == _records(finished)


def test_vmaf_is_scored_where_a_suite_asks_for_it(finished: Path, tmp_path: Path):
    text = _SUITE.replace("uniform-noise, fgsm, {name: pgd, steps: 3}", "fgsm")
    _run(text.replace("[chelsea, coffee]", "[chelsea]") + "vmaf: true\n", tmp_path)
    run = read_run(tmp_path)
    scores = [record.scores for record in run.measures if record.scores is not None]
    assert all(one.vmaf_source is not None and one.vmaf_clean is not None for one in scores)
    assert run.manifest.versions["vmaf"].startswith("vmaf_v0.6.1")
    assert all(
        r.scores is None or r.scores.vmaf_source is None for r in read_run(finished).measures
    )


def test_a_folder_whose_records_lack_scores_is_refused_in_one_sentence(
    finished: Path, tmp_path: Path
):
    manifest = json.loads((finished / "manifest.json").read_text()) | {"format": 1}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(StoreError, match="whose records hold other scores; run the suite again"):
        read_run(tmp_path)
    with pytest.raises(StoreError, match="whose records hold other scores"):
        _run(_SUITE, tmp_path)


def _count(folder: Path) -> int:
    path = folder / "records.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


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
    assert suite_of(suite.model_dump(mode="json"), Path()) == suite


def test_a_codec_that_fails_is_a_record_not_an_end(tmp_path: Path, monkeypatch):
    def broken(self: Toy, bitstream: bytes):
        raise RuntimeError("the decoder fell over")

    monkeypatch.setattr(Toy, "decode", broken)
    _run(_SUITE, tmp_path)
    run = read_run(tmp_path)
    toys = [record for record in run.measures if record.victim == "toy"]
    assert {(r.status, r.stage, r.reason) for r in toys} == {
        ("failed", "clean", "RuntimeError: the decoder fell over")
    }
    assert {r.status for r in run.measures if r.victim != "toy"} == {"ok"}


def test_an_attack_that_breaks_is_a_record_not_an_end(tmp_path: Path, monkeypatch):
    def broken(self: PGD, *_):
        raise IndexError("the attack fell over")

    monkeypatch.setattr(PGD, "__call__", broken)
    _run(_SUITE, tmp_path)
    run = read_run(tmp_path)
    told = {(r.status, r.reason) for r in run.crafts.values() if r.attack == "pgd steps=3"}
    assert told == {("failed", "IndexError: the attack fell over")}
    assert len(run.measures) == run.manifest.cells


def test_a_file_error_inside_a_codec_is_its_failure(tmp_path: Path, monkeypatch):
    def unreadable(self: Toy, bitstream: bytes):
        raise OSError("cannot identify image file")

    monkeypatch.setattr(Toy, "decode", unreadable)
    _run(_SUITE, tmp_path)
    toys = [record for record in read_run(tmp_path).measures if record.victim == "toy"]
    assert {(r.status, r.reason) for r in toys} == {
        ("failed", "OSError: cannot identify image file")
    }


@pytest.mark.parametrize(
    "refused",
    [
        OSError(28, "No space left on device"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_what_the_machine_lacks_is_never_a_score(tmp_path: Path, monkeypatch, refused):
    def starved(self: Toy, image: Image) -> bytes:
        raise refused

    monkeypatch.setattr(Toy, "encode", starved)
    with pytest.raises(MachineError, match="what was measured is kept"):
        _run(_SUITE, tmp_path)
    monkeypatch.undo()
    _run(_SUITE, tmp_path)
    assert {record.status for record in read_run(tmp_path).measures} == {"ok"}


def test_an_attack_that_writes_into_its_source_is_still_held_to_its_budget(tmp_path, monkeypatch):
    def inplace(self: PGD, target, images, budget, rngs):
        images += 0.3
        return AttackResult(images, images.new_empty(0, 1))

    monkeypatch.setattr(PGD, "__call__", inplace)
    _run(_SUITE, tmp_path)
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
    _run(_SUITE, tmp_path)
    run = read_run(tmp_path)
    assert {r.status for r in run.measures if r.victim == "toy"} == {"failed"}
    lossless = [r.scores for r in run.measures if r.victim == "identity"]
    assert all(scores is not None and scores.mse_input == 0 for scores in lossless)


def test_a_surrogate_of_nan_is_flagged_and_the_run_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Toy, "reconstruct", lambda self, images: images * float("nan"))
    _run(_SUITE, tmp_path)
    crafts = read_run(tmp_path).crafts.values()
    wanted = [r for r in crafts if r.objective == "distortion"]
    assert all(NAN_GRADIENT in record.flags for record in wanted)


def test_a_search_that_changes_nothing_says_so(tmp_path, monkeypatch):
    def idle(self: PGD, target, images, budget, rngs):
        return AttackResult(images, images.new_empty(0, 1))

    monkeypatch.setattr(PGD, "__call__", idle)
    _run(_SUITE, tmp_path)
    pgd = [r for r in read_run(tmp_path).crafts.values() if r.attack == "pgd steps=3"]
    assert all(UNCHANGED in record.flags for record in pgd)


@pytest.mark.parametrize(
    "twins",
    [
        _SUITE.replace("fgsm", "ifgsm, {name: ifgsm, steps: 60, label: again}"),
        _SUITE.replace("distortion,", "distortion, {name: distortion, reference: source},"),
    ],
)
def test_one_search_under_two_names_is_refused(tmp_path, twins):
    with pytest.raises(ConfigError, match="are the same search; remove one"):
        _run(twins, tmp_path)


def test_parameters_tell_codecs_apart_whose_fingerprints_do_not(tmp_path, monkeypatch):
    monkeypatch.setattr(Toy, "fingerprint", lambda self: "toy")
    text = _SUITE.replace("{name: toy, label: toy}", "{name: toy, gain: [1.0, 0.5]}")
    _run(text, tmp_path)
    run = read_run(tmp_path)
    white = [r for r in run.measures if r.threat == "white-box"]
    assert all(run.crafts[str(record.craft)].sources == (record.victim,) for record in white)
    assert {record.victim for record in white} == {"toy gain=1.0", "toy gain=0.5"}


class _Dice(Toy):
    def draw(self, rng: np.random.Generator) -> Toy:
        return self


def test_a_codec_that_draws_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("backends.toy.Toy", _Dice)
    with pytest.raises(CodecError, match=r"_Dice\.draw\(\) returns what draws again"):
        _run(_SUITE, tmp_path)


_QUERIES = _SUITE.replace("uniform-noise, fgsm, {name: pgd, steps: 3}", "fgsm, *Q")


def test_queries_are_of_every_codec_that_loses_something_and_transfer_like_gradients(tmp_path):
    text = _QUERIES.replace("*Q", "{name: square, queries: 7}, {name: evolution, queries: 7}")
    _run(text, tmp_path)
    run = read_run(tmp_path)
    crafts = {key: craft for key, craft in run.crafts.items() if craft.queries_allowed}
    assert {(craft.gradients, craft.queries) for craft in crafts.values()} == {(0, 7)}
    found = [record for record in run.measures if record.craft in crafts]
    assert {record.status for record in found} == {"ok"}
    told = Counter((r.victim, r.threat, *crafts[str(r.craft)].sources) for r in found)
    assert told == {
        ("toy", "black-box", "toy"): 8,
        ("JPEG", "black-box", "JPEG"): 8,
        ("JPEG", "transfer", "toy"): 8,
        ("identity", "transfer", "toy"): 8,
        ("identity", "transfer", "JPEG"): 8,
    }


def test_the_board_keeps_queries_apart_from_gradients(tmp_path):
    _run(_QUERIES.replace("*Q", "{name: square, queries: 40}"), tmp_path)
    run = read_run(tmp_path)
    rows = {row.place.codec: row for row in board([run]).rows}
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
    assert "40 queries a picture" in markdown(board([run]))


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
    _run(_SOURCES, tmp_path)
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
    page = markdown(board([run]))
    assert "several at once where they are joined: JPEG 50; toy 2.0 and toy 0.5." in page
    assert "ifgsm steps=3, distortion, on toy 0.5 and toy 2.0" in page


def test_an_attack_says_itself_what_it_searches_on(tmp_path):
    own = "sources: [JPEG 50, [toy 2.0, toy 0.5]]"
    assert own in _SOURCES
    text = _SOURCES.replace(own, "").replace("queries: 9", "queries: 9, sources: JPEG 50")
    _run(text, tmp_path)
    run = read_run(tmp_path)
    searched = {(craft.attack, craft.sources) for craft in run.crafts.values() if craft.sources}
    assert searched == {
        ("square queries=9", ("JPEG 50",)),
        ("ifgsm steps=3", ("toy 0.5",)),
        ("ifgsm steps=3", ("toy 2.0",)),
    }
    page = markdown(board([run]))
    assert "**Sources of square queries=9**, what was searched on, several at once" in page
    assert "joined: JPEG 50." in page


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        ("JPEG 5", "attacks: no codec is labelled 'JPEG 5'; did you mean 'JPEG 50'"),
        ("[[]]", "attacks: an empty list names no codec"),
        ("[3]", "'sources' of an attack are labels of codecs, not 3"),
        ("[[toy 0.5, toy 0.5]]", "toy 0.5 is listed twice"),
        ("[[toy 0.5, toy 2.0]]", "the attack 'square queries=9' cannot search on the source toy"),
    ],
)
def test_sources_of_an_attack_that_make_no_sense_are_refused(tmp_path, sources, told):
    with pytest.raises(ConfigError, match=told):
        _run(_SOURCES.replace("queries: 9", f"queries: 9, sources: {sources}"), tmp_path)


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        ("[identity]", "no codec is labelled 'identity'; known: JPEG 50, JPEG 90, toy"),
        ("[JPEG 5]", "no codec is labelled 'JPEG 5'; did you mean 'JPEG 50'"),
        ("[[toy 0.5, toy 0.5]]", "toy 0.5 is listed twice"),
        ("[toy 0.5, [toy 0.5, JPEG 50]]", r"on the source toy 0.5 \+ JPEG 50: gradients are of"),
        ("[[toy 0.5, toy 2.0], [toy 2.0, toy 0.5]]", "are the same search; remove one"),
        ("[[]]", "sources: an empty list names no codec"),
    ],
)
def test_sources_that_make_no_sense_are_refused(tmp_path, sources, told):
    with pytest.raises(ConfigError, match=told):
        _run(_SOURCES.replace("[JPEG 50, [toy 2.0, toy 0.5]]", sources), tmp_path)


def test_queries_are_reckoned_with(tmp_path):
    def expected(queries):
        text = _SUITE.replace(
            "fgsm, {name: pgd, steps: 3}", f"{{name: square, queries: {queries}}}"
        )
        return remaining(prepare(parse(text, "small.yaml", Suite), tmp_path).plan)

    once, coding = expected(1), sum(entry("codec", name).cost.coding for name in ("toy", "jpeg"))
    searches = 2 * 2
    assert expected(1001) - once == pytest.approx(1000 * searches * coding * 24 * 40 / 1e6)


def test_an_attack_that_asks_too_much_is_ended_with_its_best_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(Square, "evaluations", 5)
    text = _SUITE.replace("uniform-noise, fgsm, {name: pgd, steps: 3}", "square")
    _run(text, tmp_path)
    crafts = [c for c in read_run(tmp_path).crafts.values() if c.attack == "square"]
    assert {(c.status, c.queries, c.flags) for c in crafts} == {("ok", 5, (QUERIES_SPENT,))}


def test_a_budget_that_an_attack_cannot_do_is_recorded_as_unsupported(tmp_path: Path):
    text = _SUITE.replace("fgsm, {name: pgd, steps: 3}", "{name: ftda, steps: 3}")
    _run(text.replace("[{linf: 8}]", "[{linf: 8}, {mse: 1.0e-4}]"), tmp_path)
    run = read_run(tmp_path)
    assert len(run.measures) == run.manifest.cells
    ftda = [record for record in run.crafts.values() if record.attack == "ftda steps=3"]
    assert {(record.budget, record.status) for record in ftda} == {
        ("linf 8", "unsupported"),
        ("mse 0.0001", "ok"),
    }
    told = {record.reason for record in ftda if record.status != "ok"}
    assert told == {
        "the attack 'ftda steps=3' cannot keep a budget in linf, only in l2 and mse",
    }


def test_an_attack_that_can_do_no_budget_of_the_suite_is_refused(tmp_path: Path):
    text = _SUITE.replace("fgsm,", "madc, fgsm,").replace("linf: 8", "linf: 4")
    with pytest.raises(ConfigError, match=r"'madc' can do budgets in l2 and mse.* only linf 4;"):
        _run(text, tmp_path)


def test_a_region_outside_a_picture_is_refused(tmp_path):
    region = "{linf: 8, region: {top: 20, left: 0, height: 5, width: 5}}"
    with pytest.raises(ConfigError, match="is not inside the picture 'chelsea'"):
        _run(_SUITE.replace("[{linf: 8}]", f"[{region}]"), tmp_path)


def test_an_attack_that_leaves_its_budget_is_rejected_and_recorded(tmp_path: Path, monkeypatch):
    def far(self: PGD, target, images, budget, rngs):
        return AttackResult((images + 9 / 255).clamp(0, 1), images.new_empty(0, 1))

    monkeypatch.setattr(PGD, "__call__", far)
    _run(_SUITE.replace("uniform-noise, ", ""), tmp_path)
    run = read_run(tmp_path)
    pgd = [record for record in run.crafts.values() if record.attack == "pgd steps=3"]
    assert {record.status for record in pgd} == {"failed"}
    assert all("the budget is linf 8" in record.reason for record in pgd)
    attacked = [r for r in run.measures if r.craft in {record.key for record in pgd}]
    assert {(record.status, record.stage) for record in attacked} == {("failed", "craft")}


def test_a_corrupt_picture_among_good_ones_is_told_before_anything_runs(tmp_path: Path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for index in range(3):
        Pillow.fromarray(np.full((8, 8, 3), index, np.uint8)).save(photos / f"{index}.png")
    (photos / "1.png").write_bytes((photos / "1.png").read_bytes()[:40])
    text = _SUITE.replace(
        "{set: sample, names: [chelsea, coffee], crop: {height: 24, width: 40}}",
        f"{{set: {photos}}}",
    )
    with pytest.raises(BenchError, match=r"1\.png"):
        _run(text, tmp_path / "run")
    assert not (tmp_path / "run").exists()
