"""Conformance tests of defences: all built-in defences pass; defences with a fault fail."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from backends.defences.recompress import Recode
from bench.codec import Codec
from bench.defence import Layer, OwnCost, only
from bench.errors import ConfigError
from bench.registry import plugins
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import entries, instantiate, resolve
from bench.testing import DefenceContract
from bench.wrapping import layered, randomised

EXACT = {
    "flip": ({}, {"way": "both"}, {"way": "random"}, {"way": "cost"}),
    "rotate": ({}, {"way": 270}, {"way": "random"}),
    "roll": ({}, {"way": "random"}, {"way": "cost", "stride": 32}),
    "reorder": ({}, {"way": "gbr"}, {"way": "cost"}),
    "random-ensemble": ({},),
    "self-ensemble": ({},),
    "two-way": ({},),
}
LOSSY = {
    "bit-depth": ({"bits": 4}, 34.0),
    "resize": ({"scale": 0.8}, 34.0),
    "gaussian": ({"sigma": 0.5}, 34.0),
    "unsharp": ({"amount": 0.2}, 34.0),
    "noise": ({"sigma": 1.0}, 34.0),
    "median": ({}, 34.0),
    "bilateral": ({}, 34.0),
    "recode": ({"purifier": {"name": "jpeg", "quality": 80}}, 34.0),
    "denoise": ({}, 34.0),
}
KINKED = {"median": 0.5, "recode": math.inf}
"""Tolerances of gradients: a median has equal values, recode uses the gradient of a surrogate."""


def _defence(name, params):
    return instantiate("defence", resolve("defence", ComponentSpec(name, tuple(params.items()))))


def _contract(name, params, loss=math.inf):
    class Contract(DefenceContract):
        psnr_inside = loss
        slope_tolerance = KINKED.get(name, DefenceContract.slope_tolerance)

        def defence(self):
            return _defence(name, params)

    return Contract


for _name, _points in EXACT.items():
    for _index, _params in enumerate(_points):
        globals()[f"Test{_name.title()}{_index}"] = _contract(_name, _params)
for _name, (_params, _loss) in LOSSY.items():
    globals()[f"Test{_name.title()}"] = _contract(_name, _params, _loss)


class TestRefine(DefenceContract):
    slope_tolerance = math.inf  # the gradient is that of a surrogate

    @pytest.fixture(autouse=True)
    def _nets(self, small_codec):
        type(self).small = staticmethod(small_codec)

    def inside(self):
        return self.small("bmshj2018-hyperprior")

    def lossless(self):
        return None

    def defence(self):
        return _defence("refine", {"steps": 3})


class TestOnlineUpdate(TestRefine):
    def defence(self):
        return _defence("online-update", {"steps": 3})


class TestDiffuse(DefenceContract):
    psnr_inside = 34.0

    @pytest.fixture(autouse=True)
    def _model(self, grey_diffusion):
        plugins.load(str(grey_diffusion.with_name("grey.py")), Path())
        type(self).weights = str(grey_diffusion)

    def defence(self):
        params = {"model": "grey:Grey", "checkpoint": self.weights, "time": 2, "stride": 1}
        return _defence("diffuse", params)


def test_every_defence_is_tested():
    assert set(entries("defence")) == {*EXACT, *LOSSY, "refine", "online-update", "diffuse"}


class _Identity(Layer):
    """A layer that changes nothing, with one fault."""

    def __init__(self, fault):
        self.fault = fault

    @property
    def identity(self):
        return "dull"

    def before(self, image):
        return image[::-1] if self.fault == "undoes nothing" else image

    def relaxed_before(self, images):
        return images.detach() if self.fault == "has no gradient" else images


class _Broken:
    """A defence with one fault."""

    gradient = "exact"

    def __init__(self, fault):
        self.fault = fault
        if fault == "says nothing":
            self.gradient = ""

    def __call__(self, codec):
        if self.fault == "hides gradients":
            return _Plain(codec)
        if self.fault == "draws one thing":
            return randomised(4, lambda _: layered(only(_Identity("")), 0, codec))
        if self.fault == "has no name":
            return codec
        return layered(only(_Identity(self.fault)), 0, codec)


class _Plain(Codec):
    def __init__(self, codec):
        self.encode, self.decode, self.fingerprint = codec.encode, codec.decode, codec.fingerprint

    def encode(self, image): ...
    def decode(self, bitstream): ...
    def fingerprint(self): ...


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        ("undoes nothing", "test_the_loss_is_at_most_the_stated_one"),
        ("has no gradient", "test_gradients_flow_through_both_halves"),
        ("hides gradients", "test_it_has_gradients_if_the_inner_codec_has"),
        ("hides gradients", "test_the_inner_codec_can_be_random"),
        ("draws one thing", "test_draws_depend_only_on_the_seed"),
        ("has no name", "test_its_fingerprint_extends_that_of_the_inner_codec"),
        ("says nothing", "test_it_declares_itself"),
    ],
)
def test_a_defence_with_a_fault_fails_the_matching_test(fault, test):
    class Contract(DefenceContract):
        def defence(self):
            return _Broken(fault)

    with pytest.raises((AssertionError, RuntimeError)):
        getattr(Contract(), test)()


def test_a_random_purifier_is_refused():
    random = instantiate(
        "codec", ComponentSpec("toy", (), "", (ComponentSpec("flip", (("way", "random"),)),))
    )
    with pytest.raises(ConfigError, match="a purifier cannot have defences that draw"):
        Recode(random)(instantiate("codec", ComponentSpec("toy")))


def test_a_roll_with_too_many_paths_is_refused():
    with pytest.raises(ConfigError, match="4096 arrangements, 'cost' tries at most 16"):
        instantiate(
            "codec", ComponentSpec("toy", (), "", (ComponentSpec("roll", (("way", "cost"),)),))
        )


def test_the_cheapest_path_is_kept():
    """Half of the picture is noise, so mirrored versions cost differently."""
    codec = instantiate(
        "codec", ComponentSpec("jpeg", (("quality", 50),), "", (ComponentSpec("self-ensemble"),))
    )
    image = np.zeros((16, 24, 3), np.uint8)
    image[:8] = np.random.default_rng(0).integers(0, 256, (8, 24, 3))
    image.setflags(write=False)
    errors = [
        float(np.mean((path.decode(path.encode(image)).astype(float) - image) ** 2))
        for path in codec.paths()
    ]
    decoded = codec.decode(codec.encode(image)).astype(float)
    assert len(set(errors)) > 1
    assert float(np.mean((decoded - image) ** 2)) == min(errors)


ADAPTATIONS = {"refine": {"steps": 10, "lmbda": 0.1}, "online-update": {"lr": 1e-3, "lmbda": 0.1}}


@pytest.mark.parametrize("name", ADAPTATIONS)
@pytest.mark.parametrize(
    "architecture",
    ["bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean", "elic2022-chandelier"],
)
def test_an_adapting_encoder_lowers_the_cost(name, architecture, small_codec, photograph):
    _assert_lower_cost(name, small_codec(architecture), photograph("coffee", 64, 64))


@pytest.mark.parametrize("name", ADAPTATIONS)
def test_encoders_of_variable_rate_models_adapt(name, variable_codec, photograph):
    _assert_lower_cost(name, variable_codec("mbt2018-mean-vbr", 4), photograph("coffee", 64, 64))


def _assert_lower_cost(name, plain, image):
    adapted, cost = _defence(name, ADAPTATIONS[name])(plain), OwnCost(0.1)
    before, after = (cost.real(image, codec, codec.encode(image)) for codec in (plain, adapted))
    assert after < before


def test_an_update_for_one_picture_changes_neither_the_model_nor_the_next_picture(
    small_codec, photograph
):
    plain = small_codec("bmshj2018-hyperprior")
    first, second = photograph("coffee", 64, 64), photograph("chelsea", 64, 64)
    before = plain.fingerprint(), plain.encode(first)
    updated = _defence("online-update", {"lr": 1e-3})(plain)
    alone = updated.encode(second)
    assert updated.encode(first) != before[1]
    assert updated.encode(second) == alone
    assert (plain.fingerprint(), plain.encode(first)) == before


@pytest.mark.parametrize("name", ADAPTATIONS)
def test_a_codec_without_a_learned_encoder_cannot_adapt(name):
    with pytest.raises(ConfigError, match="last in 'defence', next to the model"):
        instantiate("codec", ComponentSpec("toy", (), "", (ComponentSpec(name),)))
