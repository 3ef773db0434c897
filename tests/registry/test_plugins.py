"""Plugins that a suite names: their codecs and models, and the errors of invalid plugins."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
import torch

from bench.budget import Linf
from bench.cli.main import main
from bench.crafting.craft import quantise_and_check
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.errors import ConfigError
from bench.registry import plugins
from bench.registry import trusted as consent
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.store.run_folder import read_run
from bench.suite.suite import Suite, load_suite
from bench.tensors import to_tensor
from bench.utils.yaml_config import parse

GREY = """\
import numpy as np
from bench.codec import Codec
from bench.container import pack, unpack
from bench.entry import Entry


class Grey(Codec):
    def __init__(self, level: int = 128) -> None:
        self._level = level

    def encode(self, image):
        return pack(b"grey", *image.shape[:2], [])

    def decode(self, bitstream):
        box = unpack(b"grey", bitstream)
        return np.full((box.height, box.width, 3), self._level, np.uint8)

    def fingerprint(self):
        return f"grey {self._level}"


CODECS = {"grey": Entry(Grey, "one level everywhere")}
"""
SUITE = """\
plugins: [grey.py]
name: small
images: {set: sample, names: [coffee], crop: {height: 16, width: 24}}
codecs: [{name: grey, level: [10, 200]}]
attacks: [uniform-noise]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


@pytest.fixture
def suite(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "deep"
    folder.mkdir()
    (folder / "grey.py").write_text(GREY)
    (folder / "small.yaml").write_text(SUITE)
    return folder / "small.yaml"


def test_a_codec_of_a_plugin_is_scored_and_shown(suite, tmp_path, capsys):
    assert main(["run", str(suite)]) == 0
    assert "grey level=10" in capsys.readouterr().out
    run = read_run(tmp_path / "runs/small")
    scores = {record.victim: record.scores for record in run.measures if record.threat == "clean"}
    assert scores["grey level=10"].bytes == scores["grey level=200"].bytes
    assert scores["grey level=10"].mse_clean != scores["grey level=200"].mse_clean
    assert run.manifest.suite["plugins"] == ["grey.py"]


def test_a_plugin_that_the_suite_does_not_name_is_unknown(suite):
    with pytest.raises(ConfigError, match="unknown codec 'grey'"):
        parse(SUITE.replace("plugins: [grey.py]\n", ""), str(suite), Suite)


def test_reading_a_suite_twice_imports_its_plugin_once(suite):
    assert load_suite(suite).operating_points == load_suite(suite).operating_points


def test_a_module_is_named_without_its_suffix(suite, monkeypatch):
    monkeypatch.syspath_prepend(str(suite.parent))
    assert len(parse(SUITE.replace("grey.py", "grey"), "small.yaml", Suite).operating_points) == 2
    assert consent.trusted_module("grey").Grey(7).fingerprint() == "grey 7"


def test_parameters_of_plugins_are_checked(suite):
    with pytest.raises(ConfigError, match="'grey' has no parameter 'lvl'; did you mean 'level'"):
        parse(SUITE.replace("level", "lvl"), str(suite), Suite)


@pytest.mark.parametrize(
    ("hint", "named"),
    [
        ("Mode", "Mode"),
        ("Mode | None", "Mode"),
        ("Literal[Mode.LOW, Mode.HIGH]", "Mode"),
        ("tuple[int, int]", "tuple"),
        ("list[bytes]", "bytes"),
    ],
)
def test_parameters_that_records_do_not_keep_are_refused(hint, named, suite):
    """Labels of a run and of its records would differ, as 'mode=Mode.LOW' and 'mode=low'."""
    mode = 'import enum\nfrom typing import Literal\n\nMode = enum.Enum("Mode", "LOW HIGH")\n'
    code = GREY.replace("level: int = 128", f"level: {hint} = None")
    (suite.parent / "grey.py").write_text(mode + code)
    with pytest.raises(ConfigError, match=f"'level' of 'grey' is of the type {named}, whose"):
        load_suite(suite)


@pytest.mark.parametrize("hint", ["int | str", "list[int]", "Any", "Path | None", "dict[str, int]"])
def test_parameters_that_records_keep_are_taken(hint, suite):
    code = GREY.replace("level: int = 128", f"level: {hint} = None")
    header = "from pathlib import Path\nfrom typing import Any\n"
    (suite.parent / "grey.py").write_text(header + code)
    suite.write_text(SUITE.replace(", level: [10, 200]", ""))
    assert list(map(str, chain(*load_suite(suite).codecs))) == ["grey"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (GREY.replace('{"grey"', '{"jpeg"'), "grey.py registers the codec 'jpeg', a name already"),
        ("import nothing_of_this_name", "the plugin grey.py cannot be imported .*nothing_of_this"),
        ("x =", "the plugin grey.py cannot be imported .*SyntaxError"),
        ("x = 1", "unknown codec 'grey'"),
        (
            "CODECS = {'grey': 3}",
            "CODECS of the plugin grey.py must be a dict of bench.entry.Entry objects by name",
        ),
        ("import sys; sys.exit(3)", "the plugin grey.py cannot be imported"),
    ],
)
def test_an_invalid_plugin_is_named(code, words, suite):
    (suite.parent / "grey.py").write_text(code)
    with pytest.raises(ConfigError, match=f"small.yaml:.: .*{words}"):
        load_suite(suite)


def test_a_missing_plugin_is_named(suite):
    (suite.parent / "grey.py").unlink()
    with pytest.raises(ConfigError, match=r"there is no plugin .*grey.py; correct the path"):
        load_suite(suite)


MODEL = """\
import torch
from compressai.entropy_models import EntropyBottleneck, GaussianConditional
from compressai.models import CompressionModel
from compressai.ops import quantize_ste
from torch import nn


class Tiny(CompressionModel):
    def __init__(self, width=4):
        super().__init__()
        self.analysis = nn.Conv2d(3, width, 16, 16)
        self.synthesis = nn.ConvTranspose2d(width, 3, 16, 16)
        self.hyper = nn.Conv2d(width, width, 4, 4)
        self.scales = nn.ConvTranspose2d(width, width, 4, 4)
        self.prior = EntropyBottleneck(width)
        self.gauss = GaussianConditional(None)

    def forward(self, x):
        y = self.analysis(x)
        z = self.hyper(y)
        _, z_likelihoods = self.prior(z)
        medians = self.prior._get_medians()
        z_hat = quantize_ste(z - medians) + medians
        y_hat, y_likelihoods = self.gauss(y, self.scales(z_hat))
        likelihoods = {"y": y_likelihoods, "z": z_likelihoods}
        return {"x_hat": self.synthesis(y_hat), "likelihoods": likelihoods}

    def compress(self, x):
        y = self.analysis(x)
        z = self.hyper(y)
        z_strings = self.prior.compress(z)
        z_hat = self.prior.decompress(z_strings, z.shape[-2:])
        y_strings = self.gauss.compress(y, self.gauss.build_indexes(self.scales(z_hat)))
        return {"strings": [y_strings, z_strings], "shape": z.shape[-2:]}

    def decompress(self, strings, shape):
        z_hat = self.prior.decompress(strings[1], shape)
        y_hat = self.gauss.decompress(strings[0], self.gauss.build_indexes(self.scales(z_hat)))
        return {"x_hat": self.synthesis(y_hat).clamp(0, 1)}

    @classmethod
    def from_state_dict(cls, state):
        net = cls(state["analysis.weight"].shape[0])
        net.load_state_dict(state)
        return net
"""


@pytest.fixture
def own(tmp_path):
    """Return the spec of a model from a plugin, with its checkpoint written."""
    (tmp_path / "mine.py").write_text(MODEL)
    model = plugins.load("mine.py", tmp_path).Tiny
    torch.manual_seed(0)
    net = model()
    with torch.no_grad():
        net.analysis.weight *= 60
        net.synthesis.bias += 0.5
    torch.save(net.state_dict(), tmp_path / "mine.pth.tar")
    weights = str(tmp_path / "mine.pth.tar")
    return ComponentSpec("compressai", (("model", "mine:Tiny"), ("checkpoint", weights)))


def test_a_model_of_a_plugin_is_coded_and_attacked(own, photograph):
    codec, image = instantiate("codec", own), photograph("coffee", 70, 90)
    bitstream, source = codec.encode(image), to_tensor(image)
    decoded = codec.decode(bitstream)
    assert decoded.shape == image.shape
    levels = codec.reconstruct(source)[0].permute(1, 2, 0).clamp(0, 1) * 255
    assert np.abs(levels.numpy() - decoded).max() < 0.501
    rate = ComponentSpec("rate")
    target = CodecTarget(codec, instantiate("objective", rate), source)
    result = run_attack(
        instantiate("attack", ComponentSpec("pgd", (("steps", 5),))), target, source, Linf(8), 1
    )
    assert len(codec.encode(quantise_and_check(result, source, Linf(8)))) > len(bitstream)


def test_a_model_of_an_unnamed_module_is_refused(own, monkeypatch):
    monkeypatch.setattr(consent, "_MODULES", {})
    with pytest.raises(ConfigError, match=r"runs code of 'mine'; name that module or file in 'pl"):
        instantiate("codec", own)


@pytest.mark.parametrize(
    ("model", "words"),
    [("mine:Tinny", "has no CompressionModel 'Tinny'"), ("mine:torch", "has no CompressionModel")],
)
def test_a_class_that_is_not_a_model_is_refused(model, words, own):
    choice = ComponentSpec("compressai", (("model", model), own.params[1]))
    with pytest.raises(ConfigError, match=words):
        instantiate("codec", choice)


def test_weights_of_another_model_are_refused(own, small_checkpoint):
    other = (("checkpoint", str(small_checkpoint("bmshj2018-factorized"))),)
    with pytest.raises(ConfigError, match="does not hold the weights of mine:Tiny"):
        instantiate("codec", ComponentSpec("compressai", (own.params[0], *other)))


SHIFTED = """\
from dataclasses import dataclass

from attacks.gradient import PGD
from bench.entry import Entry


@dataclass(frozen=True)
class Named(PGD):
    \"\"\"PGD under another name; its parameters are annotated where PGD is written.\"\"\"


ATTACKS = {"named": Entry(Named, "PGD again")}
"""


def test_a_class_can_be_derived_from_one_of_another_module(suite):
    folder = suite.parent
    (folder / "named.py").write_text(SHIFTED)
    text = SUITE.replace("[grey.py]", "[grey.py, named.py]")
    suite.write_text(text.replace("[uniform-noise]", "[{name: named, steps: 3}]"))
    assert list(map(str, chain(*load_suite(suite).attacks))) == ["named steps=3"]
    suite.write_text(text.replace("[uniform-noise]", "[{name: named, steps: 0}]"))
    with pytest.raises(ConfigError, match="steps"):
        load_suite(suite)
