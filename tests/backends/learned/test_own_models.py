"""Models of users: slices predicted from each other, rounding of every kind, nested strings."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import sliced_models
from attacks.gradient.pgd import IFGSM
from attacks.objectives.basic import Rate
from bench.budget import Linf
from bench.container import pack
from bench.crafting.craft import quantise_and_check
from bench.crafting.search import run_attack
from bench.crafting.target import CodecTarget
from bench.errors import CodecError, ConfigError
from bench.registry import plugins
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.tensors import to_image, to_tensor
from bench.testing import CodecContract

MODELS = ["Nested", "Windowed", "LayerByLayer", "Skipping"]
STRINGS = {"Nested": 4, "Windowed": 4, "LayerByLayer": 4, "Skipping": 2}
FACTORS = {"Nested": 16, "Windowed": 32, "LayerByLayer": 16, "Skipping": 16}


@pytest.fixture(scope="module")
def own_checkpoint(photograph, tmp_path_factory):
    """Return a function: the file of a model that was trained for a few seconds."""

    @cache
    def saved(name):
        pictures = torch.cat(
            [to_tensor(photograph(one, 128, 128)) for one in ("coffee", "chelsea")]
        )
        path = tmp_path_factory.mktemp("own") / f"{name}.pth.tar"
        torch.save(sliced_models.trained(getattr(sliced_models, name), pictures), path)
        return path

    return saved


@pytest.fixture
def own_codec(own_checkpoint):
    """Return a function: the codec of such a model."""

    def made(name, checkpoint=None):
        plugins.load(sliced_models.__file__, Path())
        path = str(checkpoint or own_checkpoint(name))
        choice = (("model", f"sliced_models:{name}"), ("checkpoint", path))
        return instantiate("codec", ComponentSpec("compressai", choice))

    return made


@pytest.fixture
def image(photograph):
    return photograph("astronaut", 64, 96)


def _payload(codec, bitstream):
    return 8 * (len(bitstream) - codec.header_bytes(bitstream))


def _bits(codec, image):
    return sum(float(bits.sum()) for bits in codec.rate(to_tensor(image)).values())


@pytest.mark.parametrize("name", MODELS)
def test_the_bits_are_the_bytes(name, own_codec, image):
    """Each string ends with a part of the coder's state of 64 bits."""
    codec = own_codec(name)
    ending = _payload(codec, codec.encode(image)) - _bits(codec, image)
    assert 30 * STRINGS[name] <= ending <= 64.5 * STRINGS[name]


@pytest.mark.parametrize("name", MODELS)
def test_the_reconstruction_is_what_is_really_decoded(name, own_codec, image):
    codec = own_codec(name)
    levels = codec.reconstruct(to_tensor(image))[0].permute(1, 2, 0).clamp(0, 1) * 255
    assert np.abs(levels.numpy() - codec.decode(codec.encode(image))).max() < 0.501


@pytest.mark.parametrize("name", MODELS)
def test_a_picture_of_any_size_comes_back_as_the_model_codes_it(name, own_codec, photograph):
    codec, factor = own_codec(name), FACTORS[name]
    image = photograph("astronaut", factor + 1, 2 * factor - 3)
    padded = np.pad(image, ((0, factor - 1), (0, 3), (0, 0)), mode="edge")
    coded = codec._net.compress(to_tensor(padded))
    decoded = codec._net.decompress(coded["strings"], coded["shape"])["x_hat"]
    assert np.array_equal(
        codec.decode(codec.encode(image)), to_image(decoded)[: factor + 1, : 2 * factor - 3]
    )


@pytest.mark.parametrize("name", MODELS)
def test_ascending_the_surrogate_raises_real_bytes_as_far(name, own_codec, image):
    codec, source, budget = own_codec(name), to_tensor(image), Linf(8)
    found = run_attack(IFGSM(steps=8), CodecTarget(codec, Rate(), source), source, budget, 0)
    attacked = quantise_and_check(found, source, budget)
    before, after = (_payload(codec, codec.encode(one)) for one in (image, attacked))
    assert after > before
    assert after - before == pytest.approx(
        _bits(codec, attacked) - _bits(codec, image), abs=34 * STRINGS[name]
    )


@pytest.mark.parametrize("name", MODELS)
def test_without_rounding_the_reconstruction_stays_close(name, own_codec, image):
    codec, source = own_codec(name), to_tensor(image)
    rounded, unrounded = codec.reconstruct(source), codec.unrounded().reconstruct(source)
    assert not torch.equal(rounded, unrounded)
    assert (rounded - unrounded).square().mean() < 0.2 * (rounded - source).square().mean()
    assert torch.equal(codec.unrounded().relaxed(source).reconstruction, unrounded)


@pytest.mark.parametrize("name", ["Nested", "Skipping"])
def test_the_rate_half_never_runs_the_decoder(name, own_codec, image, monkeypatch):
    codec = own_codec(name)
    monkeypatch.setattr(nn.ConvTranspose2d, "forward", _counted(calls := [], nn.ConvTranspose2d))
    codec.rate(to_tensor(image))
    hyper = len(calls)
    codec.reconstruct(to_tensor(image))
    assert len(calls) == 2 * hyper + 2


def _counted(calls, kind):
    original = kind.forward

    def forward(self, *inputs):
        calls.append(self)
        return original(self, *inputs)

    return forward


def test_a_bitstream_of_another_number_of_strings_is_refused(own_codec):
    codec = own_codec("Nested")
    with pytest.raises(CodecError, match="holds 3 strings, this model writes 4"):
        codec.decode(pack(codec._codec_id(), 64, 96, [b"1234"] * 3))


def test_the_parts_in_a_dictionary_of_a_latent_codec_are_replaced_too(small_codec, image):
    """CompressAI's latent codecs call their parts through a dictionary, not as modules."""
    codec = small_codec("elic2022-official")
    strings = codec.tolerances.strings
    ending = _payload(codec, codec.encode(image)) - _bits(codec, image)
    assert 30 * strings <= ending <= 64.5 * strings


def test_a_class_of_compressai_is_found_by_its_name(small_checkpoint, small_codec, image):
    path = str(small_checkpoint("mbt2018-mean"))
    choice = (("model", "mbt2018-mean"), ("checkpoint", path))
    codec = instantiate("codec", ComponentSpec("compressai", choice))
    named = small_codec("mbt2018-mean")
    assert np.array_equal(codec.decode(codec.encode(image)), named.decode(named.encode(image)))


def test_a_name_that_compressai_does_not_know_is_told(own_checkpoint):
    choice = (("model", "elic2022-oficial"), ("checkpoint", str(own_checkpoint("Nested"))))
    with pytest.raises(ConfigError, match=r"has no image model .* mean 'elic2022-official'"):
        instantiate("codec", ComponentSpec("compressai", choice))


def test_a_model_that_cannot_code_is_told(own_codec, own_checkpoint):
    with pytest.raises(ConfigError, match=r"codes no picture: .*(CUDA|NVIDIA).*; its compress and"):
        own_codec("NeedsGpu", own_checkpoint("Nested"))


@pytest.mark.parametrize(
    ("name", "entropy_model"),
    [
        ("Mixture", "GaussianMixtureConditional 'mixture'"),
        ("SteppedBottleneck", "EntropyBottleneckVbr 'stepped'"),
    ],
)
def test_an_entropy_model_without_a_surrogate_is_named(name, entropy_model, own_codec, tmp_path):
    net = getattr(sliced_models, name)()
    net.update(force=True)
    torch.save(net.state_dict(), tmp_path / "weights.pth.tar")
    with pytest.raises(ConfigError, match=f"no surrogate of the {entropy_model}"):
        own_codec(name, tmp_path / "weights.pth.tar")


@pytest.mark.parametrize("name", ["ssf2020", "sfu2023-pcc-rec-pointnet", "hrtzxf2022-pcc-rec"])
def test_models_of_videos_and_points_are_unknown(name, own_checkpoint):
    choice = (("model", name), ("checkpoint", str(own_checkpoint("Nested"))))
    with pytest.raises(ConfigError, match=f"has no image model '{name}'") as found:
        instantiate("codec", ComponentSpec("compressai", choice))
    assert "-pcc-" not in str(found.value).rpartition(name)[2]


class _Contract(CodecContract):
    name: str

    @pytest.fixture(autouse=True)
    def _model(self, own_codec):
        type(self).made = staticmethod(own_codec)

    def codec(self):
        return self.made(self.name)


class TestNested(_Contract):
    name = "Nested"


class TestSkipping(_Contract):
    name = "Skipping"
