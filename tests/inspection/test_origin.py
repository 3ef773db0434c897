"""Where harm arises: gains of a linear codec, and real bitstreams with mixed latents."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from backends.learned.compressai import CompressAI
from backends.toy import Toy
from bench.cli.main import main
from bench.codec import Codec
from bench.inspection.origin import origin
from bench.metrics.scores import psnr
from bench.tensors import to_image, to_tensor
from pictures import smooth

MODELS = {
    "bmshj2018-factorized": ["y"],
    "bmshj2018-hyperprior": ["y", "z"],
    "mbt2018-mean": ["y", "z"],
}


@pytest.fixture(scope="module")
def pair():
    source = smooth(64, 128)  # no codec pads it
    steps = np.random.default_rng(0).choice([-8, 8], source.shape)
    return source, np.clip(source + steps, 0, 255).astype(np.uint8)


def _model(name):
    return CompressAI(name, checkpoint=f"{name}-small-q4")


@pytest.mark.parametrize("gain", [0.5, 1.0, 3.0])
def test_the_gain_of_a_linear_codec_is_known(gain, pair):
    found = origin(Toy(gain), *pair)
    (layer,) = found.layers
    assert layer.gain == pytest.approx(gain, rel=1e-5)
    rms = [np.sqrt(np.mean(np.square(one / 255.0))) for one in (pair[1] - 1.0 * pair[0], pair[0])]
    assert layer.change == pytest.approx(rms[0] / rms[1], rel=1e-5)


def test_all_bits_of_a_codec_with_one_stream_come_from_it(pair):
    source, attacked = pair
    (stream,) = origin(Toy(), source, attacked).streams
    assert stream.bits == pytest.approx(float(source.sum()) + source.size, rel=1e-5)
    assert stream.attacked_bits == pytest.approx(float(attacked.sum()) + source.size, rel=1e-5)
    assert stream.restored_bits == 8 * len(Toy().encode(source))
    assert stream.restored_psnr == np.inf


@pytest.mark.parametrize("name", MODELS)
def test_the_gains_of_encoder_and_decoder_multiply_to_the_change_of_the_reconstruction(name, pair):
    codec = _model(name)
    layers = origin(codec, *pair).layers
    with torch.no_grad():
        images = torch.cat(list(map(to_tensor, pair)))
        first, second = codec._net(images)["x_hat"]
    before, after = (float((a - b).pow(2).mean().sqrt()) for a, b in (images, (first, second)))
    rounding = "entropy_bottleneck" if name.endswith("factorized") else "gaussian_conditional"
    path = [one for one in layers if one.name.startswith(("g_a", "g_s", rounding))]
    assert np.prod([one.gain for one in path]) == pytest.approx(after / before, rel=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_each_stream_can_be_taken_from_the_source(name, pair):
    source, attacked = pair
    codec = _model(name)  # it has coded nothing yet
    streams = origin(codec, source, attacked).streams
    assert [stream.name for stream in streams] == MODELS[name]
    # The reconstruction of a scale hyperprior follows from y alone; another z only costs bits.
    tolerance = 0.5 if name == "mbt2018-mean" else 1e-9
    for stream, image in zip(streams, pair, strict=False):
        expected = psnr(source, codec.decode(codec.encode(image)))
        assert stream.restored_psnr == pytest.approx(expected, abs=tolerance)
    if len(streams) == 1:
        assert streams[0].restored_bits == 8 * len(codec.encode(source))


@pytest.mark.parametrize("name", MODELS)
def test_a_stream_of_the_same_picture_changes_nothing(name, pair):
    codec, attacked = _model(name), pair[1]
    for stream in MODELS[name]:
        mixed = codec.recombined(to_tensor(attacked), stream, to_tensor(attacked))
        assert mixed.encode(attacked) == codec.encode(attacked)


@pytest.mark.parametrize("name", ["cheng2020-anchor-checkerboard", "elic2022-official"])
def test_streams_that_cannot_be_taken_from_the_source_have_no_restored_figures(
    name, pair, small_codec
):
    """The encoder of z is inside the latent codec of these models: z would follow from y."""
    found = origin(small_codec(name), *pair)
    entropy_models = [one for one in found.layers if one.name.startswith("latent_codec.")]
    assert len(entropy_models) > 1
    assert {one.name for one in found.streams} == {"y", "z"}
    assert all(one.bits > 0 for one in found.streams)
    assert {one.restored_bits for one in found.streams} == {None}


@pytest.mark.parametrize("name", ["bmshj2018-hyperprior-vbr", "mbt2018-mean-vbr"])
@pytest.mark.parametrize("level", [0, 7])
def test_the_trace_of_a_variable_rate_model_is_that_of_its_level(name, level, pair, variable_codec):
    """The entropy model of y gets the latents times the gain of the level."""
    codec, seen = variable_codec(name, level), {}
    images = to_tensor(pair[0])
    codec.trace(images, lambda layer, before, after: seen.__setitem__(layer, (before, after)))
    with torch.no_grad():
        scaled = codec.latents(images) * codec._net.Gain[level].abs()
    assert torch.allclose(seen["gaussian_conditional"][0], scaled, atol=1e-5)


@pytest.mark.parametrize("name", ["bmshj2018-hyperprior", "mbt2018-mean"])
def test_a_mixed_codec_estimates_and_reconstructs_what_it_codes(name, pair):
    codec = _model(name)
    source, attacked = map(to_tensor, pair)
    mixed = codec.recombined(attacked, "y", source)
    with torch.no_grad():
        images = mixed.reconstruct(attacked)
        bits = sum(float(one.sum()) for one in mixed.rate(attacked).values())
    assert psnr(mixed.decode(mixed.encode(pair[1])), to_image(images)) > 35
    assert bits == pytest.approx(mixed.estimated_bits(pair[1]), rel=0.01)
    assert bits != pytest.approx(codec.estimated_bits(pair[1]), rel=0.001)


def test_a_codec_that_cannot_be_traced_has_no_origin(pair):
    class Plain(Codec):
        def encode(self, image):
            return image.tobytes()

        def decode(self, bitstream):
            return np.frombuffer(bitstream, np.uint8).reshape(64, 128, 3)

        def fingerprint(self):
            return "plain"

    found = origin(Plain(), *pair)
    assert (found.layers, found.streams) == ([], [])


def test_bench_attack_prints_and_draws_it(tmp_path, pair, capsys):
    from bench.images.png import encode_png

    (tmp_path / "photo.png").write_bytes(encode_png(pair[0]))
    words = ["--codec", "toy", "gain=2", "--attack", "fgsm", "--budget", "linf=4"]
    out = tmp_path / "out"
    assert main(["attack", str(tmp_path / "photo.png"), *words, "-o", str(out)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.replace("│", " ").splitlines()]
    assert ["decoder", "2.00"] in [line[:2] for line in lines]
    assert any(line[:1] == ["y"] and line[3] == "100" for line in lines)
    assert (out / "origin.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((out / "manifest.json").read_text())["suite"]["name"] == "attack"
