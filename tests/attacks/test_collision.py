"""Bitstream collisions: another picture with the same bytes, judged by the bytes alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image as Pictures

from attacks.gradient.collision import NO_COLLISION, CollisionSearch
from attacks.objectives.collision import Collision
from backends.pillow import Jpeg
from backends.toy import Toy
from bench.budget import L2, Linf, Mse
from bench.crafting.craft import quantise_and_check
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.errors import ConfigError, Unsupported
from bench.metrics.scores import linf, psnr
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.scoring.measure import COLLISION
from bench.store.run_folder import read_run
from bench.suite.suite import Suite
from bench.tensors import to_tensor
from bench.utils.yaml_config import parse
from leaderboard.columns.columns import columns
from leaderboard.ranking.board import build_board
from small_run import run_suite

FAMILIES = ("bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean")
Q1 = "bmshj2018-factorized-small-q1"


def _bundled(family):
    return instantiate("codec", ComponentSpec(family, (("checkpoint", f"{family}-small-q1"),)))


def _search(codec, picture, ball, attack=None, seed=3):
    source = to_tensor(picture)
    target = CodecTarget(codec, Collision(), source)
    result = run_attack(attack or CollisionSearch(), target, source, ball, seed)
    return quantise_and_check(result, source, ball), result.flags[0], target


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("ball", [Linf(32), L2(1500), Mse(0.005)], ids=str)
def test_another_picture_inside_the_budget_has_the_same_bytes(family, ball, photograph):
    codec, picture = _bundled(family), photograph("coffee", 64, 64)
    found, flags, target = _search(codec, picture, ball)
    assert flags == ()
    assert codec.encode(found) == codec.encode(picture)
    assert psnr(picture, found) < 32
    assert target.queries + target.gradients <= CollisionSearch().evaluations


@pytest.mark.parametrize("steps", [5, 7])
def test_a_search_that_finds_nothing_uses_its_stated_evaluations(steps, rng):
    """The values of both ends are counted, too, though they are no queries."""
    picture = rng.integers(50, 60, (6, 7, 3), dtype=np.uint8)
    attack = CollisionSearch(steps=steps, tries=2, lr=1e-6)
    _, flags, target = _search(Toy(), picture, Linf(8), attack)
    assert flags == (NO_COLLISION,)
    assert target.queries + target.gradients + 2 == attack.evaluations


def test_a_free_search_begins_at_another_picture(photograph, tmp_path):
    codec, picture = _bundled(FAMILIES[0]), photograph("coffee", 64, 64)
    Pictures.fromarray(photograph("astronaut", 64, 64)).save(tmp_path / "other.png")
    attack = CollisionSearch(towards=str(tmp_path / "other.png"))
    found, flags, _ = _search(codec, picture, Linf(255), attack)
    assert flags == ()
    assert codec.encode(found) == codec.encode(picture)
    assert psnr(picture, found) < 22
    assert linf(picture, found) > 60


def test_the_bytes_of_the_toy_codec_determine_the_picture(rng):
    picture = rng.integers(50, 60, (6, 7, 3), dtype=np.uint8)
    found, flags, target = _search(Toy(), picture, Linf(8), CollisionSearch(steps=20, tries=2))
    assert flags == (NO_COLLISION,)
    assert not np.array_equal(found, picture)
    assert target.query(found[None])[0] < 0
    assert target.query(picture[None])[0] == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_pictures_collide_where_all_latents_are_less_than_half_a_step_away(family, photograph, rng):
    """The latents tell whether bytes are the same, for pictures on both sides of the limit."""
    codec, picture = _bundled(family), photograph("rocket", 64, 64)
    coded = codec.coded_streams(to_tensor(picture))
    same = []
    for level in (0, 1, 1, 2, 4, 40):
        noise = rng.integers(-level, level + 1, picture.shape)
        other = (picture.astype(int) + noise).clip(0, 255).astype(np.uint8)
        with torch.no_grad():
            streams = codec.streams(to_tensor(other))
        offsets = [(streams[name] - coded[name]).abs().max() for name in streams]
        assert (float(max(offsets)) < 0.5) == (codec.encode(other) == codec.encode(picture))
        same.append(float(max(offsets)) < 0.5)
    assert same[0]
    assert not same[-1]


def test_gradients_flow_to_the_picture(photograph):
    target = CodecTarget(
        _bundled(FAMILIES[2]), Collision(), to_tensor(photograph("coffee", 64, 64))
    )
    other = to_tensor(photograph("rocket", 64, 64))
    values, gradients = target.value_and_grad(other)
    assert float(values) < 0
    assert bool(gradients.flatten(1).any())
    assert target.flags(0) == ()


@pytest.mark.parametrize(
    ("codec", "reason"),
    [
        (Jpeg(50), "no gradients"),
        ("flip", "only learned codecs without defences do"),
        ("mbt2018", "are not rounded one by one"),
    ],
)
def test_other_codecs_are_unsupported_with_a_reason(codec, reason, photograph, small_codec):
    picture = photograph("coffee", 64, 64)
    if codec == "flip":
        codec = instantiate("defence", ComponentSpec("flip"))(_bundled(FAMILIES[0]))
    elif isinstance(codec, str):
        codec = small_codec(codec)
    with pytest.raises(Unsupported, match=reason):
        _search(codec, picture, Linf(8))


def test_the_other_picture_has_the_size_of_the_source(photograph, tmp_path):
    Pictures.fromarray(photograph("astronaut", 32, 48)).save(tmp_path / "other.png")
    attack = CollisionSearch(towards=str(tmp_path / "other.png"))
    with pytest.raises(Unsupported, match="32x48 pixels, the source picture has 64x64"):
        _search(_bundled(FAMILIES[0]), photograph("coffee", 64, 64), Linf(8), attack)


SUITE = f"""\
name: small
images: {{set: sample, names: [coffee, rocket], crop: {{height: 64, width: 64}}}}
codecs: [{{name: bmshj2018-factorized, checkpoint: {Q1}, label: q1}}, {{name: toy, label: toy}}]
attacks: [{{name: bitstream-collision, steps: 40, tries: 2}}]
budgets: [{{linf: 32}}]
compute: {{threads: 1}}
"""


def test_the_ensemble_brings_its_objective(tmp_path):
    (attack,) = parse(SUITE, "small.yaml", Suite).all_attacks
    assert str(attack) == "bitstream-collision-1"
    assert [str(objective) for objective in attack.objectives] == ["collision"]
    with pytest.raises(ConfigError, match=r"nowhere\.png cannot be read"):
        run_suite(SUITE.replace("steps: 40", "towards: nowhere.png"), tmp_path)


def test_records_and_the_board_show_collisions(tmp_path):
    run_suite(SUITE, tmp_path)
    run = read_run(tmp_path)
    flagged = {record.victim for record in run.measures if COLLISION in record.flags}
    assert flagged == {"q1"}
    board = build_board([run])
    rows = {row.place.codec: row for row in board.rows}
    shown = {column.key: column.text(rows["q1"]) for column in columns(board.rows)}
    assert shown["collisions"] == "2/2"
    assert float(shown["collision_psnr_db"]) < 24
    assert rows["toy"].collisions.found == 0
    assert [str(flag) for flag in rows["toy"].flags] == ["no-collision (2/2)"]
    assert rows["q1"].attack is None
