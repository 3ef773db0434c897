"""Targeted attacks: the reconstruction shall show a target picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from attacks.gradient.pgd import PGD
from attacks.objectives.targeted import Targeted
from backends.toy import Toy
from bench.budget import Linf
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.engine.runner import describe, execute, prepare
from bench.errors import ConfigError, Unsupported
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate, resolve
from bench.store.run_folder import open_run, read_run
from bench.suite.suite import Suite
from bench.tensors import to_image, to_tensor
from bench.utils.yaml_config import parse

SIZE = (24, 40)


@pytest.fixture
def shown(tmp_path):
    """Return a function that writes a picture and returns its path."""

    def write(pixels, name="shown.png"):
        Pillow.fromarray(pixels).save(tmp_path / name)
        return str(tmp_path / name)

    return write


def _found(codec, objective, source, radius, attack=None):
    target = CodecTarget(codec, objective, source)
    images = run_attack(attack or PGD(20), target, source, Linf(radius), 1).images
    return images, target


def test_a_faithful_codec_is_brought_as_near_as_the_budget_lets_it(shown, photograph):
    """Every value moves by the radius, or to its target."""
    source, wanted = photograph("coffee", *SIZE), photograph("rocket", *SIZE)
    images, target = _found(Toy(1), Targeted(shown(wanted)), to_tensor(source), 8)
    left = np.maximum(np.abs(wanted.astype(float) - source) - 8, 0) / 255
    assert float(target.value(images)) == pytest.approx(-np.mean(left**2), rel=0.01)


def test_only_its_place_changes_where_it_has_one(shown, photograph):
    """On a codec that halves the contrast, the surroundings shall stay at C(x)."""
    source = to_tensor(photograph("coffee", *SIZE))
    digits = np.full((6, 10, 3), 40, np.uint8)
    objective, attack = Targeted(shown(digits), top=5, left=20), PGD(60, step_size=0.02)
    images, target = _found(Toy(0.5), objective, source, 255, attack)
    place = np.s_[..., 5:11, 20:30]
    decoded, clean = (0.5 * images * 255).numpy(), (0.5 * source * 255).numpy()
    assert np.abs(decoded[place] - 40).max() < 4
    decoded[place] = clean[place]
    assert np.sqrt(np.mean((decoded - clean) ** 2)) < 4
    assert float(target.value(images)) > 0.05 * float(target.value(source))


def test_the_value_is_the_weighted_error_inside_and_around(shown, rng):
    source = to_tensor(rng.integers(0, 256, (4, 6, 3), dtype=np.uint8))
    moved = to_tensor(rng.integers(0, 256, (4, 6, 3), dtype=np.uint8))
    digits = rng.integers(0, 256, (2, 3, 3), dtype=np.uint8)
    objective = Targeted(shown(digits), top=1, left=2, around=0.25)
    wanted, weights = source.clone(), torch.full((4, 6), 0.25)
    wanted[..., 1:3, 2:5], weights[1:3, 2:5] = to_tensor(digits), 1
    expected = -float(((moved - wanted).square() * weights).mean())
    target = CodecTarget(Toy(1), objective, source)
    assert float(target.value(moved)) == pytest.approx(expected, rel=1e-5)
    assert target.query(to_image(moved)[None])[0] == pytest.approx(expected, rel=1e-5)


def test_a_learned_codec_decodes_to_something_nearer(shown, photograph, small_codec):
    source, wanted = (photograph(name, 48, 64) for name in ("rocket", "coffee"))
    codec = small_codec("bmshj2018-factorized")
    images, target = _found(codec, Targeted(shown(wanted)), to_tensor(source), 16, PGD(10))
    clean, attacked = (target.query(image[None])[0] for image in (source, to_image(images)))
    assert attacked > clean
    assert target.flags() == ()


def test_the_picture_is_part_of_the_key_and_its_path_is_not(shown, photograph):
    first, other = photograph("coffee", 8, 8), photograph("rocket", 8, 8)
    paths = shown(first), shown(first, "copy.png"), shown(other, "other.png")
    keys = [
        resolve("objective", ComponentSpec("target", (("picture", path),))).signature
        for path in paths
    ]
    assert keys[0] == keys[1] != keys[2]
    assert set(keys[0]) == {"picture", "top", "left", "around"}


def test_one_that_does_not_fit_is_refused(shown, photograph):
    source = to_tensor(photograph("coffee", 12, 16))
    objective = Targeted(shown(photograph("rocket", 8, 8)), top=5)
    with pytest.raises(Unsupported, match="row 13 and column 8, but the source picture has 12"):
        CodecTarget(Toy(), objective, source).value(source)


_SUITE = """\
name: targeted
images: {set: sample, names: [chelsea], crop: {height: 24, width: 40}}
codecs: [{name: toy, label: toy}]
attacks: [{name: pgd, steps: 3}]
objectives: [{name: target, picture: PATH, top: 2, left: 3, label: digits}]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


def test_a_suite_names_the_picture_by_its_path(shown, photograph, tmp_path):
    text = _SUITE.replace("PATH", shown(photograph("coffee", 8, 8)))
    prepared = prepare(parse(text, "targeted.yaml", Suite), Path())
    with open_run(tmp_path / "run", describe(prepared)) as store:
        list(execute(prepared, store))
    crafts = read_run(tmp_path / "run").crafts.values()
    (found,) = (record for record in crafts if record.objective is not None)
    assert (found.status, found.objective) == ("ok", "digits")
    assert found.values[1] > found.values[0]


def test_one_that_is_missing_is_told_before_anything_runs(tmp_path):
    text = _SUITE.replace("PATH", str(tmp_path / "nothing.png"))
    with pytest.raises(ConfigError, match=r"the objective 'digits' cannot be used: .*nothing\.png"):
        prepare(parse(text, "targeted.yaml", Suite), Path())
    with pytest.raises(ConfigError, match="needs the parameter 'picture'"):
        instantiate("objective", ComponentSpec("target"))
