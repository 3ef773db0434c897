from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch
from compressai.models import MeanScaleHyperpriorVbr, ScaleHyperpriorVbr
from compressai.zoo.image_vbr import model_urls
from torch.nn import functional

from backends import CODECS
from bench.container import unpack
from bench.errors import CodecError, ConfigError
from bench.models.architectures import fresh
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.tensors import to_image, to_tensor

FIXED = {
    "bmshj2018-hyperprior-vbr": "bmshj2018-hyperprior",
    "mbt2018-mean-vbr": "mbt2018-mean",
    "mbt2018-vbr": "mbt2018",
}
STEPPED = ["bmshj2018-hyperprior-vbr", "mbt2018-mean-vbr"]
NETS = [(name, False) for name in FIXED] + [(name, True) for name in STEPPED]
SIZES = [(1, 1), (17, 33), (64, 80)]
LEVELS = [0, 3, 7]

every_net = pytest.mark.parametrize(("architecture", "is_stepped"), NETS)


def _make(architecture, **parameters):
    return instantiate("codec", ComponentSpec(architecture, tuple(parameters.items())))


@pytest.fixture
def images(photograph):
    return to_tensor(photograph("chelsea", 64, 128))


def _own_coding(codec, image, level):
    """The output of the model's own compress and decompress on the edge-padded picture."""
    images = to_tensor(image)
    height, width = images.shape[-2:]
    padded = functional.pad(images, (0, -width % 64, 0, -height % 64), mode="replicate")
    net = codec._net
    with torch.no_grad():
        coded = net.compress(padded, s=level)
        decoded = net.decompress(coded["strings"], coded["shape"], s=level)["x_hat"]
    return [stream[0] for stream in coded["strings"]], to_image(decoded[..., :height, :width])


def _bytes(codec, image):
    bitstream = codec.encode(image)
    return len(bitstream) - codec.header_bytes(bitstream)


def _strings(codec, image):
    return unpack(codec._codec_id(), codec.encode(image)).sections


def test_all_three_are_offered():
    offered = [name for name, entry in CODECS.items() if "variable_rate" in entry.target]
    assert offered == list(FIXED)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("level", LEVELS)
@every_net
def test_a_picture_comes_back_as_the_model_itself_codes_it(
    architecture, is_stepped, level, size, photograph, variable_codec
):
    image, codec = photograph("chelsea", *size), variable_codec(architecture, level, is_stepped)
    strings, decoded = _own_coding(codec, image, level)
    bitstream = codec.encode(image)
    assert np.array_equal(codec.decode(bitstream), decoded)
    assert codec.decode(bitstream).dtype == np.uint8
    assert _bytes(codec, image) == sum(map(len, strings))
    assert codec.encode(image) == bitstream


@pytest.mark.parametrize("architecture", FIXED)
def test_the_coder_and_the_decoder_see_the_same_latents(architecture, variable_codec, images):
    """In the autoregressive model a difference in the last bit would corrupt the stream."""
    net, decoded = variable_codec(architecture, 3)._net, []
    hook = net.g_s.register_forward_pre_hook(lambda _, given: decoded.append(given[0]))
    with torch.no_grad():
        net(images, s=3)
        coded = net.compress(images, s=3)
        net.decompress(coded["strings"], coded["shape"], s=3)
    hook.remove()
    assert torch.equal(*decoded)


@every_net
def test_a_higher_level_takes_more_bits(architecture, is_stepped, photograph, variable_codec):
    image = photograph("coffee", 128, 128)
    sizes = [_bytes(variable_codec(architecture, level, is_stepped), image) for level in range(8)]
    assert sizes == sorted(set(sizes))


def test_a_scale_is_the_gain_of_a_level_or_lies_between(variable_file, variable_codec, photograph):
    image = photograph("coffee", 64, 64)
    path = str(variable_file("mbt2018-mean-vbr", True))
    level = variable_codec("mbt2018-mean-vbr", 3, True)
    gain = float(level._net.Gain[3].abs())
    same, finer = (
        _make("mbt2018-mean-vbr", scale=scale, checkpoint=path) for scale in (gain, gain * 1.3)
    )
    assert _strings(same, image) == _strings(level, image)
    assert _bytes(level, image) < _bytes(finer, image)
    assert np.array_equal(same.decode(same.encode(image)), level.decode(level.encode(image)))
    assert len({codec.fingerprint() for codec in (level, same, finer)}) == 3


def test_levels_share_their_weights(variable_codec):
    low, high = (variable_codec("mbt2018-vbr", level) for level in (0, 7))
    assert low._net.g_a[0].weight.data_ptr() == high._net.g_a[0].weight.data_ptr()


def test_levels_and_weights_are_codecs_of_their_own(variable_codec, photograph):
    codecs = [
        variable_codec("mbt2018-mean-vbr", level, stepped) for level in (0, 1) for stepped in (0, 1)
    ]
    assert len({codec.fingerprint() for codec in codecs}) == 4
    assert codecs[0].fingerprint().startswith("mbt2018-mean-vbr level 0 ")
    bitstream = codecs[0].encode(photograph("chelsea", 17, 33))
    for other in codecs[1:]:
        with pytest.raises(CodecError, match="by another codec or with other weights"):
            other.decode(bitstream)


def _refused(architecture, **parameters):
    """The error message, which is one sentence without line breaks."""
    with pytest.raises(ConfigError) as error:
        _make(architecture, **parameters)
    text = str(error.value)
    assert "\n" not in text
    assert not text.endswith(".")
    return text


@pytest.mark.parametrize("architecture", FIXED)
def test_weights_of_one_rate_are_refused(architecture, small_checkpoint):
    path = str(small_checkpoint(FIXED[architecture]))
    printed = _refused(architecture, level=0, checkpoint=path)
    assert f"lacks weights of {architecture} (Gain" in printed


@every_net
def test_weights_of_all_rates_are_refused_by_the_codecs_of_one(
    architecture, is_stepped, variable_file
):
    path = str(variable_file(architecture, is_stepped))
    printed = _refused(FIXED[architecture], checkpoint=path)
    assert f"weights that {FIXED[architecture]} does not have (Gain" in printed


@pytest.mark.parametrize("other", FIXED)
@every_net
def test_weights_of_another_variable_model_are_refused(
    architecture, is_stepped, other, variable_file
):
    if other != architecture:
        printed = _refused(other, level=0, checkpoint=str(variable_file(architecture, is_stepped)))
        words = ("another architecture than {}", "lacks weights of {}", "that {} does not have")
        assert any(one.format(other) in printed for one in words)


@pytest.mark.parametrize("architecture", FIXED)
def test_each_name_has_parameters_of_its_own(architecture):
    name = f"the codec '{architecture}'"
    for given in ({}, {"level": 0, "scale": 1.5}):
        printed = _refused(architecture, **given)
        assert printed.endswith(f"{architecture} needs either 'level' (0 to 7) or 'scale'")
    for level in (-1, 8):
        assert f"'level' of {name}: input should be" in _refused(architecture, level=level)
    assert f"{name} has no parameter 'quality'" in _refused(architecture, level=0, quality=1)
    assert "has no parameter 'level'" in _refused(FIXED[architecture], quality=1, level=0)


def test_training_is_for_one_rate():
    with pytest.raises(ConfigError, match="mbt2018-vbr is a variable-rate model"):
        fresh("mbt2018-vbr", (8, 12))


@pytest.mark.parametrize(
    ("model", "name"), [(ScaleHyperpriorVbr, STEPPED[0]), (MeanScaleHyperpriorVbr, STEPPED[1])]
)
def test_tables_of_another_level_in_a_checkpoint_are_not_used(
    model, name, variable_codec, variable_net, variable_file, tmp_path
):
    net = model.from_state_dict(
        torch.load(variable_file(name, True), weights_only=True), vr_entbttlnck=True
    )
    net.update(scale=net.Gain[0].detach())
    torch.save(net.state_dict(), tmp_path / "updated.pt")
    codec = _make(name, level=5, checkpoint=str(tmp_path / "updated.pt"))
    assert codec.fingerprint() == variable_codec(name, 5, True).fingerprint()


@pytest.fixture
def publish(httpserver, tmp_path, monkeypatch):
    """Serve a file as the published weights of an architecture."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))

    def serve(architecture, content, digest=None):
        path = f"/model-{digest or hashlib.sha256(content).hexdigest()[:8]}.pth.tar"
        httpserver.expect_request(path).respond_with_data(content)
        monkeypatch.setitem(model_urls[architecture], "mse", httpserver.url_for(path))

    return serve


@every_net
def test_published_weights_are_downloaded_once_for_all_levels(
    architecture, is_stepped, publish, httpserver, variable_file, variable_codec
):
    publish(architecture, variable_file(architecture, is_stepped).read_bytes())
    for level in (0, 7):
        codec = _make(architecture, level=level)
        assert codec.fingerprint() == variable_codec(architecture, level, is_stepped).fingerprint()
    assert len(httpserver.log) == 1


def test_a_download_of_another_hash_is_refused(publish, variable_file):
    publish("mbt2018-vbr", variable_file("mbt2018-vbr").read_bytes(), digest="0123abcd")
    assert "invalid hash value" in _refused("mbt2018-vbr", level=0)
