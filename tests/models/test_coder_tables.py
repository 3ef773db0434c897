"""Tables are made from the weights, whatever tables a checkpoint holds and however it is used."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from bench.container import unpack
from bench.errors import ConfigError
from bench.images.image_set import Crop, ImageSpec, load
from bench.models import checkpoint
from bench.models.coder_tables import LONGEST, TABLES
from bench.registry import plugins
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from paths import ROOT

ZOO = ROOT / "backends/zoo"
FAMILIES = ("bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean")

OWN = """\
from compressai.models import FactorizedPrior


class Mine(FactorizedPrior):
    pass


class Short(FactorizedPrior):
    def update(self):
        return self.entropy_bottleneck.update()


class Forgetful(FactorizedPrior):
    def update(self, **_):
        return False
"""


def _codec(name, **parameters):
    return instantiate("codec", ComponentSpec(name, tuple(parameters.items())))


def _stale(family, weights="q5", tables="q1"):
    """Return the weights of one bundled model with the tables of another of its family."""
    states = (
        checkpoint.load(ZOO / f"{family}-small-{name}.safetensors", family).state_dict()
        for name in (tables, weights)
    )
    old, new = states
    return {name: (old if name.rpartition(".")[2] in TABLES else new)[name] for name in new}


def _written(path, state):
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return str(path)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth.tar"])
@pytest.mark.parametrize("family", FAMILIES)
def test_stale_tables_of_a_file_are_not_used(family, suffix, photograph, tmp_path):
    stale = _codec(family, checkpoint=_written(tmp_path / f"tuned{suffix}", _stale(family)))
    fresh = _codec(family, checkpoint=f"{family}-small-q5")
    image = photograph("coffee", 64, 96)
    assert stale.encode(image) == fresh.encode(image)
    assert stale.fingerprint() == fresh.fingerprint()


def test_fine_tuned_weights_cost_the_bits_that_the_model_estimates(tmp_path):
    """The parent's tables cost 3 bpp where the model's own take 1.2; these are the model's own."""
    state = _stale(FAMILIES[0])
    codec = _codec(FAMILIES[0], checkpoint=_written(tmp_path / "tuned.pt", state))
    spec = ImageSpec(set="sample", limit=1, crop=Crop(height=128, width=128))
    image = load(spec, tmp_path)[0].pixels
    bitstream = codec.encode(image)
    bits = 8 * (len(bitstream) - codec.header_bytes(bitstream))
    assert bits == pytest.approx(codec.estimated_bits(image), rel=0.03)


def test_stale_tables_of_a_variable_rate_model_are_not_used(variable_net, variable_codec, tmp_path):
    name = "mbt2018-mean-vbr"
    state = dict(variable_net(name).state_dict())
    state.update(
        {
            "entropy_bottleneck._offset": torch.full((8,), -1, dtype=torch.int32),
            "entropy_bottleneck._cdf_length": torch.full((8,), 4, dtype=torch.int32),
            "entropy_bottleneck._quantized_cdf": torch.tensor([[0, 1, 65535, 65536]] * 8).int(),
        }
    )
    stale = _codec(name, level=3, checkpoint=_written(tmp_path / "tuned.pt", state))
    assert stale.fingerprint() == variable_codec(name, 3).fingerprint()


@pytest.fixture
def own_models(tmp_path):
    (tmp_path / "own_models.py").write_text(OWN)
    plugins.load("own_models.py", tmp_path)


@pytest.mark.usefixtures("own_models")
@pytest.mark.parametrize("model", ["Mine", "Short"])
def test_stale_tables_of_an_own_model_are_not_used(model, photograph, tmp_path):
    path = _written(tmp_path / "tuned.pt", _stale(FAMILIES[0]))
    stale = _codec("compressai", model=f"own_models:{model}", checkpoint=path)
    fresh = _codec(FAMILIES[0], checkpoint=f"{FAMILIES[0]}-small-q5")
    image = photograph("coffee", 64, 96)
    one, other = (unpack(codec._codec_id(), codec.encode(image)) for codec in (stale, fresh))
    assert one.sections == other.sections


@pytest.mark.usefixtures("own_models")
def test_an_update_that_leaves_a_table_out_is_named(tmp_path):
    path = _written(tmp_path / "tuned.pt", _stale(FAMILIES[0]))
    with pytest.raises(ConfigError, match=r"update\(\) of Forgetful makes no tables for entropy_b"):
        _codec("compressai", model="own_models:Forgetful", checkpoint=path)


@pytest.mark.usefixtures("own_models")
@pytest.mark.parametrize("model", ["", "own_models:Mine"])
def test_quantiles_for_which_a_table_would_take_minutes_are_refused(model, tmp_path):
    state = _stale(FAMILIES[0])
    state["entropy_bottleneck.quantiles"][3, 0, 2] = 30_000
    path = _written(tmp_path / "wide.pt", state)
    given = {"model": model, "checkpoint": path} if model else {"checkpoint": path}
    words = rf"the quantiles of entropy_bottleneck span 300\d\d symbols, .* at most {LONGEST} here"
    with pytest.raises(ConfigError, match=words):
        _codec("compressai" if model else FAMILIES[0], **given)


def test_the_longest_tables_code(photograph, tmp_path):
    state = _stale(FAMILIES[0])
    quantiles = state["entropy_bottleneck.quantiles"]
    quantiles[3, 0] = torch.tensor([-LONGEST / 2, 0.0, LONGEST / 2])
    codec = _codec(FAMILIES[0], checkpoint=_written(tmp_path / "wide.pt", state))
    image = photograph("coffee", 32, 32)
    assert np.array_equal(codec.decode(codec.encode(image)), codec.decode(codec.encode(image)))
