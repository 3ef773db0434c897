from __future__ import annotations

import copy
import hashlib
import os

import numpy as np
import pytest
import torch
from compressai import ans
from compressai.registry import MODELS
from compressai.zoo.image import model_urls
from torch.nn import functional

from backends import CODECS
from backends.learned.base import Learned
from bench.container import pack
from bench.errors import CodecError, ConfigError
from bench.images.image_set import Crop, ImageSpec, load
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.tensors import to_image, to_tensor
from bench.verify.same_codec import is_same_codec

ARCHITECTURES = [
    name for name, entry in CODECS.items() if "compressai" in entry.target and entry.preset
]
FACTORISED = "bmshj2018-factorized"
SIZES = [(1, 1), (17, 33), (64, 80)]


def _make(architecture=FACTORISED, **parameters):
    return instantiate("codec", ComponentSpec(architecture, tuple(parameters.items())))


def _own_coding(net, image):
    """The output of the model's own compress and decompress on the edge-padded picture."""
    images = to_tensor(image)
    height, width = images.shape[-2:]
    factor = getattr(net, "downsampling_factor", 64)
    sides = (0, -width % factor, 0, -height % factor)
    coded = net.compress(functional.pad(images, sides, mode="replicate"))
    decoded = net.decompress(coded["strings"], coded["shape"])["x_hat"]
    return [stream[0] for stream in coded["strings"]], to_image(decoded[..., :height, :width])


def test_every_fixed_rate_image_architecture_of_compressai_is_offered():
    others = {"ssf2020", "hrtzxf2022-pcc-rec", "sfu2023-pcc-rec-pointnet"}
    others |= {"sfu2024-pcc-rec-pointnet2-ssg"}
    fixed = {name for name in MODELS if not name.endswith("-vbr")} - others
    assert set(ARCHITECTURES) == fixed


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_picture_comes_back_as_the_model_itself_codes_it(
    architecture, size, photograph, small_net, small_codec
):
    image, codec = photograph("chelsea", *size), small_codec(architecture)
    strings, decoded = _own_coding(small_net(architecture), image)
    bitstream = codec.encode(image)
    assert np.array_equal(codec.decode(bitstream), decoded)
    assert codec.decode(bitstream).dtype == np.uint8
    assert len(bitstream) == codec.header_bytes(bitstream) + sum(map(len, strings))
    assert codec.encode(image) == bitstream


@pytest.mark.parametrize("architecture", [FACTORISED, "mbt2018"])
def test_a_picture_is_padded_never_resized(architecture, photograph, small_codec):
    codec, image = small_codec(architecture), photograph("coffee", 40, 70)
    factor = 16 if architecture == FACTORISED else 64
    sides = ((0, -40 % factor), (0, -70 % factor), (0, 0))
    padded = np.pad(image, sides, mode="edge")
    decoded = codec.decode(codec.encode(padded))[:40, :70]
    assert np.array_equal(codec.decode(codec.encode(image)), decoded)


def test_equal_weights_are_one_codec_and_others_another(small_checkpoint, small_codec, tmp_path):
    copy = tmp_path / "renamed.pt"
    copy.write_bytes(small_checkpoint(FACTORISED).read_bytes())
    again = _make(checkpoint=str(copy))
    assert again.fingerprint() == small_codec(FACTORISED).fingerprint()
    assert again.fingerprint() != small_codec(FACTORISED, seed=1).fingerprint()
    assert again.fingerprint().startswith(f"{FACTORISED} ")


def test_other_tables_of_equal_weights_are_told_apart_and_refused(small_checkpoint):
    path = str(small_checkpoint(FACTORISED))
    own, other = _make(checkpoint=path), _make(checkpoint=path)
    net = copy.deepcopy(own._net)
    net.entropy_bottleneck._quantized_cdf[0, 1] += 1
    Learned.__init__(other, FACTORISED, net, own._surrogate_of, own._estimator_of)
    assert is_same_codec(own.fingerprint(), other.fingerprint())
    assert own.fingerprint() != other.fingerprint()
    bitstream = own.encode(np.zeros((16, 16, 3), np.uint8))
    with pytest.raises(CodecError, match="another codec or with other weights"):
        other.decode(bitstream)


@pytest.fixture
def no_entropy_decoder(monkeypatch):
    """Make any use of the entropy decoder fail the test: a damaged stream can crash it."""

    def refuse(*_):
        pytest.fail("the entropy decoder saw a stream that should have been refused")

    for method in ("decode_with_indexes", "decode_stream", "set_stream"):
        monkeypatch.setattr(ans.RansDecoder, method, refuse)


@pytest.fixture(scope="module")
def bitstream(photograph, small_codec):
    """A bitstream of a codec that has decoded before; at first use it codes a small picture."""
    codec = small_codec("bmshj2018-hyperprior")
    written = codec.encode(photograph("chelsea", 17, 33))
    codec.decode(written)
    return written


def test_the_stream_itself_reaches_the_entropy_decoder(bitstream, small_codec, no_entropy_decoder):
    with pytest.raises(pytest.fail.Exception, match="the entropy decoder saw"):
        small_codec("bmshj2018-hyperprior").decode(bitstream)


@pytest.mark.usefixtures("no_entropy_decoder")
def test_damaged_and_truncated_streams_are_refused(bitstream, small_codec):
    codec = small_codec("bmshj2018-hyperprior")
    for index in range(len(bitstream)):
        damaged = bytearray(bitstream)
        damaged[index] ^= 1 << index % 8
        with pytest.raises(CodecError, match=r"damaged|not a bitstream"):
            codec.decode(bytes(damaged))
        with pytest.raises(CodecError, match=r"damaged|not a bitstream"):
            codec.decode(bitstream[:index])


@pytest.mark.usefixtures("no_entropy_decoder")
@pytest.mark.parametrize(("other", "seed"), [("bmshj2018-hyperprior", 1), (FACTORISED, 0)])
def test_streams_of_other_weights_are_refused(other, seed, bitstream, small_codec):
    codec = small_codec(other, seed)
    with pytest.raises(CodecError, match="by another codec or with other weights"):
        codec.decode(bitstream)
    with pytest.raises(CodecError, match="by another codec or with other weights"):
        codec.header_bytes(bitstream)


@pytest.mark.usefixtures("no_entropy_decoder")
@pytest.mark.parametrize(
    "sections", [[], [b"1234"], [b"1234", b"5678", b"9012"]], ids=["none", "one", "three"]
)
def test_forged_streams_of_another_number_of_strings_are_refused(sections, bitstream, small_codec):
    forged = pack(bitstream[4:8], 17, 33, sections)
    with pytest.raises(CodecError, match=f"holds {len(sections)} strings, .* writes 2"):
        small_codec("bmshj2018-hyperprior").decode(forged)


@pytest.mark.parametrize("string", [b"", b"\xff" * 9, b"\0" * 9, b"cut off"])
def test_a_forged_string_too_short_for_its_picture_is_no_crash(string, small_codec):
    """CompressAI's range decoder reads beyond the string's end, here a megabyte."""
    codec = small_codec(FACTORISED)
    try:
        decoded = codec.decode(pack(codec._codec_id(), 1024, 1024, [string]))
    except CodecError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert decoded.shape == (1024, 1024, 3)


def test_the_container_holds_nothing_but_the_models_strings(bitstream, small_codec):
    strings = 2
    header = len("CRB1") + len("name") + 2 + 2 + 1 + 4 * strings + len("CRC!")
    assert small_codec("bmshj2018-hyperprior").header_bytes(bitstream) == header


def _sentence(error):
    """The error message, which is one sentence without line breaks."""
    text = str(error.value)
    assert "\n" not in text
    assert not text.endswith(".")
    return text


@pytest.mark.parametrize("given", [{}, {"quality": 1, "checkpoint": "x.pt"}])
def test_exactly_one_of_quality_and_checkpoint(given):
    with pytest.raises(ConfigError, match=f"{FACTORISED} needs either 'quality'") as error:
        _make(**given)
    assert "or 'checkpoint'" in _sentence(error)


@pytest.mark.parametrize("name", ["gone.pth.tar", "gone.safetensors", ""])
def test_a_missing_checkpoint_is_named(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=f"cannot read the checkpoint {name}") as error:
        _make(checkpoint=name)
    _sentence(error)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ("bmshj2018-factorized-relu", "lacks weights of bmshj2018-hyperprior"),
        ("mbt2018-mean", "another architecture than bmshj2018-hyperprior .the names are the same"),
        ("cheng2020-attn", "another architecture than bmshj2018-hyperprior .missing"),
    ],
)
def test_a_checkpoint_of_another_architecture_is_refused(other, words, small_checkpoint):
    with pytest.raises(ConfigError, match=words) as error:
        _make("bmshj2018-hyperprior", checkpoint=str(small_checkpoint(other)))
    _sentence(error)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told(small_checkpoint):
    with pytest.raises(ConfigError, match="torch finds no GPU; use 'cpu'"):
        _make(checkpoint=str(small_checkpoint(FACTORISED)), device="cuda")


@pytest.mark.parametrize("quality", [0, 9])
def test_qualities_are_those_compressai_publishes(quality):
    with pytest.raises(ConfigError, match="'quality' of the codec"):
        _make(quality=quality)


@pytest.mark.parametrize(
    ("architecture", "given"),
    [("bmshj2018-factorized-relu", {"quality": 1}), ("cheng2020-attn", {"quality": 7})],
)
def test_weights_that_are_not_published_are_told(architecture, given):
    with pytest.raises(ConfigError, match="publishes no mse weights") as error:
        _make(architecture, **given)
    assert "set 'checkpoint' instead" in _sentence(error)


@pytest.fixture
def publish(httpserver, tmp_path, monkeypatch):
    """Serve a file as the published weights of quality 3."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))

    def serve(content, digest=None, metric="mse", **response):
        digest = digest or hashlib.sha256(content).hexdigest()[:8]
        path = f"/model-{digest}.pth.tar"
        httpserver.expect_request(path).respond_with_data(content, **response)
        monkeypatch.setitem(model_urls[FACTORISED][metric], 3, httpserver.url_for(path))

    return serve


def test_published_weights_are_downloaded_once(publish, httpserver, small_checkpoint, small_codec):
    publish(small_checkpoint(FACTORISED).read_bytes())
    first, second = _make(quality=3), _make(quality=3)
    assert first.fingerprint() == second.fingerprint() == small_codec(FACTORISED).fingerprint()
    assert len(httpserver.log) == 1


def test_weights_trained_for_ms_ssim_are_other_weights(publish, httpserver, small_checkpoint):
    factorised = small_checkpoint(FACTORISED)
    publish(factorised.read_bytes() + bytes(9), metric="mse")
    publish(factorised.read_bytes(), metric="ms-ssim")
    codec = _make(quality=3, metric="ms-ssim")
    (asked,) = (request.path for request, _ in httpserver.log)
    assert asked.endswith(f"{hashlib.sha256(factorised.read_bytes()).hexdigest()[:8]}.pth.tar")
    assert codec.fingerprint() == _make(checkpoint=str(factorised)).fingerprint()


def test_a_download_of_another_hash_is_refused(publish, small_checkpoint):
    publish(small_checkpoint(FACTORISED).read_bytes(), digest="0123abcd")
    with pytest.raises(ConfigError, match=r"cannot download .*invalid hash value") as error:
        _make(quality=3)
    assert "set 'checkpoint' to its path" in _sentence(error)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_server_that_refuses_is_told(publish, status):
    publish(b"", digest="0123abcd", status=status)
    with pytest.raises(ConfigError, match=f"cannot download .*{status}") as error:
        _make(quality=3)
    _sentence(error)


def test_an_unreachable_server_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    closed = "http://127.0.0.1:1/model-0123abcd.pth.tar"
    monkeypatch.setitem(model_urls[FACTORISED]["mse"], 3, closed)
    with pytest.raises(ConfigError, match=r"cannot download http://127.0.0.1:1/.*refused") as error:
        _make(quality=3)
    _sentence(error)


class _Evil:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (self.mark,)


def _torch_file(path, content):
    torch.save(content, path)
    return path.read_bytes()


def test_code_in_a_download_is_refused_and_never_run(publish, tmp_path):
    mark = tmp_path / "executed"
    publish(_torch_file(tmp_path / "evil", {"weight": _Evil(str(mark))}))
    with pytest.raises(ConfigError, match="is refused") as error:
        _make(quality=3)
    _sentence(error)
    assert not mark.exists()


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}])
def test_a_download_that_is_no_checkpoint_is_told(publish, content, tmp_path):
    publish(_torch_file(tmp_path / "other", content))
    with pytest.raises(ConfigError, match="is not a checkpoint"):
        _make(quality=3)


def test_a_download_that_was_cut_off_is_not_kept(publish, small_checkpoint):
    content = small_checkpoint(FACTORISED).read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:8]
    publish(content[:1000], digest=digest)
    with pytest.raises(ConfigError, match="invalid hash value"):
        _make(quality=3)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_estimate_is_of_the_models_own_likelihoods(
    architecture, photograph, small_net, small_codec
):
    image = photograph("rocket", 64, 64)
    likelihoods = small_net(architecture)(to_tensor(image))["likelihoods"].values()
    bits = sum(float(-p.double().log2().sum()) for p in likelihoods)
    assert small_codec(architecture).estimated_bits(image) == pytest.approx(bits, rel=1e-6)


@pytest.mark.shared
def test_the_estimate_is_close_to_the_bytes_of_a_trained_model(published):
    crop = Crop(height=256, width=256, top=100, left=200)
    spec = ImageSpec(set=str(published.parents[1] / "data/kodak"), names=("kodim03",), crop=crop)
    image = load(spec, published)[0].pixels
    codec = _make(checkpoint=str(published))
    bitstream = codec.encode(image)
    payload = len(bitstream) - codec.header_bytes(bitstream)
    assert codec.estimated_bits(image) == pytest.approx(8 * payload, rel=0.01)
    assert 8 * payload / 256**2 == pytest.approx(0.166, abs=0.001)
