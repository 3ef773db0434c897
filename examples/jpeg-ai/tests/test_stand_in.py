"""Tests on small networks with the operations of JPEG AI's: `pytest examples/jpeg-ai`."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch.nn import functional

pytest.importorskip("onnx", reason="the networks are ONNX files: pip install onnx")

import onnx
from jpeg_ai_networks import folder, networks, prior
from jpeg_ai_networks.codec import NetworksCodec
from jpeg_ai_networks.fit import fit
from jpeg_ai_networks.graph import Graph
from jpeg_ai_networks.range_coder import GaussianTables, Part
from onnx import helper, numpy_helper

from bench.codec import Codec, Image
from bench.container import pack
from bench.errors import CodecError, ConfigError
from bench.tensors import to_tensor
from bench.testing import CodecContract
from bench.testing.pictures import noise, waves

LATENTS = {"y": 6, "uv": 4}
PHOTOGRAPHS = waves(64, 96), noise(64, 64), waves(128, 64)


class Builder:
    """Writes a graph, one operation after the other."""

    def __init__(self, channels: int, seed: int) -> None:
        self._rng, self._channels = np.random.default_rng(seed), channels
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self._last = "in"

    def add(self, operation: str, *others: str, **options: object) -> "Builder":
        """Apply an operation to the last result."""
        inputs, output = [self._last, *others], f"result {len(self._nodes)}"
        self._nodes.append(helper.make_node(operation, inputs, [output], **options))
        self._last = output
        return self

    def weight(self, values: object) -> str:
        """Return the name of a new weight."""
        name = f"weight {len(self._weights)}"
        array = np.asarray(values, np.float32)
        self._weights.append(numpy_helper.from_array(array, name))
        return name

    def convolution(
        self, channels: int, side: int = 3, stride: int = 1, gain: float = 1
    ) -> "Builder":
        """Append a convolution; with a side of 1 it has no bias, as in JPEG AI."""
        scale = gain / np.sqrt(self._channels * side**2)
        shape = (channels, self._channels, side, side)
        names = [self.weight(scale * self._rng.normal(size=shape))]
        if side > 1:
            names.append(self.weight(0.1 * self._rng.normal(size=channels)))
        self._channels = channels
        return self._add_convolution("Conv", names, side, stride, (side - 1) // 2)

    def transposed(self, channels: int) -> "Builder":
        """Append a transposed convolution that doubles the sides."""
        scale = 2 / np.sqrt(self._channels * 16)
        shape = (self._channels, channels, 4, 4)
        bias = self.weight(0.1 * self._rng.normal(size=channels))
        names = [self.weight(scale * self._rng.normal(size=shape)), bias]
        self._channels = channels
        return self._add_convolution("ConvTranspose", names, 4, 2, 1)

    def gated(self) -> "Builder":
        """Append the activation of JPEG AI: a value times a convolution of its leaky ReLU."""
        value = self._last
        return self.add("LeakyRelu", alpha=0.01).convolution(self._channels, 1).add("Mul", value)

    def write(self, file: Path) -> None:
        """Write the graph."""
        ends = [
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
            for name in ("in", self._last)
        ]
        graph = helper.make_graph(self._nodes, "stand-in", ends[:1], ends[1:], self._weights)
        file.parent.mkdir(exist_ok=True, parents=True)
        onnx.save(helper.make_model(graph), file)

    def _add_convolution(
        self, operation: str, names: list[str], side: int, stride: int, pad: int
    ) -> "Builder":
        layout = {"kernel_shape": [side, side], "dilations": [1, 1], "group": 1}
        return self.add(operation, *names, strides=[stride] * 2, pads=[pad] * 4, **layout)


def write_component(target: Path, part: str) -> None:
    """Write the five networks of luma ("y") or chroma ("uv")."""
    own, luma = LATENTS[part], part == "y"
    planes, seen, pixels = (1, own, 16) if luma else (3, own + LATENTS["y"], 32)
    analysis = Builder(planes, 1)
    analysis.add("Sub", analysis.weight(127.5)).add("Div", analysis.weight(128))
    analysis.convolution(own, stride=2).gated().convolution(own, stride=2).gated()
    analysis.convolution(own, stride=2).convolution(own, stride=2, gain=40).convolution(own, 1)
    hyper = Builder(own, 2).add("Abs").convolution(own).add("LeakyRelu", alpha=0.01)
    hyper.convolution(own, stride=2).convolution(own, stride=2, gain=8)
    means = Builder(own, 3).convolution(own, 1, gain=1.0).transposed(own)
    means.add("LeakyRelu", alpha=0.01).transposed(own)
    scales = Builder(own, 4).transposed(own).add("Relu").transposed(own).convolution(own)
    synthesis, start = Builder(seen, 5).convolution(seen).add("Relu"), "in"
    synthesis.add("Add", start).transposed(own).gated().transposed(own)
    synthesis.convolution(pixels, 1, gain=0.06)
    built = {"analysis": analysis, "hyper_analysis": hyper, "means": means, "scales": scales}
    for role, builder in {**built, "synthesis": synthesis}.items():
        builder.write(target / folder.FILES[role].format(part))


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the folder of the networks, and the file of the prior that was fitted to them."""
    target = tmp_path_factory.mktemp("networks")
    for part in LATENTS:
        write_component(target, part)
    with torch.no_grad():
        fitted = fit(networks.read(target), PHOTOGRAPHS)
    fitted.write(target / "prior.json")
    return target, target / "prior.json"


@pytest.fixture
def codec(stand_in: tuple[Path, Path]) -> NetworksCodec:
    """Return the codec of these networks."""
    return NetworksCodec(*stand_in)


class TestStandIn(CodecContract):
    """The conformance tests."""

    files: ClassVar[tuple[Path, Path]]

    @pytest.fixture(autouse=True, scope="class")
    @staticmethod
    def _files(request: pytest.FixtureRequest, stand_in: tuple[Path, Path]) -> None:
        request.cls.files = stand_in

    def codec(self) -> Codec:
        return NetworksCodec(*self.files)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_graph_computes_what_torch_computes(tmp_path: Path, dtype: torch.dtype) -> None:
    builder = Builder(3, 0)
    builder.add("Sub", builder.weight(0.5)).add("Div", builder.weight(2.0)).add("Abs")
    builder.convolution(4, stride=2).gated().transposed(3).add("Relu").add("Add", "in")
    builder.write(tmp_path / "a.onnx")
    weights = [
        torch.tensor(numpy_helper.to_array(one)).to(dtype)
        for one in onnx.load(tmp_path / "a.onnx").graph.initializer
    ]
    _, _, first, bias, gate, up_bias, up = weights
    inputs = torch.randn(2, 3, 8, 14, dtype=dtype, requires_grad=True)
    value = functional.conv2d(((inputs - 0.5) / 2).abs(), first, bias, stride=2, padding=1)
    value = value * functional.conv2d(functional.leaky_relu(value, 0.01), gate)
    value = functional.conv_transpose2d(value, up, up_bias, stride=2, padding=1)
    expected = value.relu() + inputs
    found = Graph(tmp_path / "a.onnx")(inputs)
    torch.testing.assert_close(found, expected)
    slopes = [torch.autograd.grad(one.square().sum(), inputs)[0] for one in (found, expected)]
    torch.testing.assert_close(*slopes)


def test_other_operations_are_refused(tmp_path: Path) -> None:
    Builder(1, 0).add("Sigmoid").write(tmp_path / "a.onnx")
    with pytest.raises(ConfigError, match=r"a\.onnx has the operation Sigmoid"):
        Graph(tmp_path / "a.onnx")


def test_files_that_are_no_graphs_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"no graph")
    with pytest.raises(ConfigError, match=r"a\.onnx cannot be read"):
        Graph(tmp_path / "a.onnx")


@pytest.mark.parametrize("picture", [waves(96, 160), noise(64, 64)], ids=["waves", "noise"])
def test_the_rate_is_that_of_the_bytes(codec: NetworksCodec, picture: Image) -> None:
    bitstream = codec.encode(picture)
    written = len(bitstream) - codec.header_bytes(bitstream)
    streams = codec.rate(to_tensor(picture)).values()
    _check_length(written, sum(float(bits.double().sum()) for bits in streams))


def test_symbols_outside_a_table_come_back_and_are_counted() -> None:
    means, scales = torch.tensor([0.0, 3.4, -900.2]).double(), torch.tensor([0.11, 5, 40]).double()
    coder = GaussianTables(means, scales)
    values = torch.tensor([0, 1, -1, 3, 40, -17, 5000, -900, -(2**20), 2**26]).double()
    symbols = values.repeat_interleave(3)
    tables = torch.arange(3).repeat(len(values))
    stream = coder.encode([Part(symbols, tables)])
    assert torch.equal(coder.decoder(stream, len(symbols)).read(tables), symbols)
    bits = coder.bits(symbols, tables, means[tables], scales[tables])
    _check_length(len(stream), float(bits.sum()))
    for value in (2.0**28, float("nan")):
        with pytest.raises(CodecError, match="not finite or too large"):
            coder.encode([Part(torch.tensor([value]), torch.tensor([0]))])


def _check_length(written: int, bits: float) -> None:
    """Check the bytes of a stream: the range coder adds at most 8 at its end."""
    assert bits / 8 <= written <= bits / 8 + 8


@pytest.mark.parametrize(
    ("name", "change"),
    [("gain", 1), ("floors", 2), ("hyper_means", 3), ("hyper_scales", 5)],
)
def test_the_fitted_prior_needs_fewer_bits_than_a_changed_one(
    stand_in: tuple[Path, Path], tmp_path: Path, name: str, change: float
) -> None:
    def bits(file: Path) -> float:
        codec = NetworksCodec(stand_in[0], file)
        return sum(codec.estimated_bits(picture) for picture in PHOTOGRAPHS)

    fitted = prior.read(stand_in[1])
    value = getattr(fitted.luma, name)
    changed = value + change if name == "gain" else tuple(one + change for one in value)
    other = replace(fitted, luma=replace(fitted.luma, **{name: changed}))
    other.write(tmp_path / "other.json")
    assert bits(tmp_path / "other.json") > 1.001 * bits(stand_in[1])


def test_other_threads_decode_the_same_symbols(codec: NetworksCodec) -> None:
    """The synthesis may differ in the last digit of a float, so by one level."""
    picture, threads = waves(200, 260), torch.get_num_threads()
    bitstream = codec.encode(picture)
    decoded = codec.decode(bitstream)
    try:
        torch.set_num_threads(threads + 1)
        again = codec.decode(bitstream)
    finally:
        torch.set_num_threads(threads)
    assert np.abs(again.astype(int) - decoded).max() <= 1


def test_the_unrounded_surrogate_decodes_unrounded_latents(
    codec: NetworksCodec, stand_in: tuple[Path, Path]
) -> None:
    images, graphs = to_tensor(waves(64, 96)), networks.read(stand_in[0])
    unrounded = codec.unrounded()
    expected = graphs.synthesise(graphs.analyse(images))
    torch.testing.assert_close(unrounded.reconstruct(images), expected)
    torch.testing.assert_close(unrounded.relaxed(images).reconstruction, expected)
    assert not torch.allclose(codec.reconstruct(images), expected, atol=1e-3)
    torch.testing.assert_close(dict(unrounded.rate(images)), dict(codec.rate(images)))
    assert unrounded.encode(waves(64, 96)) == codec.encode(waves(64, 96))


def test_forged_streams_are_decoded_or_refused(codec: NetworksCodec) -> None:
    bitstream = codec.encode(waves(64, 96))
    rng = np.random.default_rng(3)
    for _ in range(20):
        stream = rng.bytes(int(rng.integers(4, 200)))
        forged = pack(bitstream[4:8], 64, 96, [stream])
        try:
            assert codec.decode(forged).shape == (64, 96, 3)
        except CodecError as error:
            assert "\n" not in str(error)  # noqa: PT017 - both are allowed
    with pytest.raises(CodecError, match="declares a picture of 65535x65535"):
        codec.decode(pack(bitstream[4:8], 65535, 65535, [bytes(40)]))
    with pytest.raises(CodecError, match="2 streams"):
        codec.decode(pack(bitstream[4:8], 64, 96, [bytes(40), bytes(40)]))


def test_a_prior_of_other_networks_is_refused(stand_in: tuple[Path, Path], tmp_path: Path) -> None:
    text = stand_in[1].read_text()
    (tmp_path / "other.json").write_text(text.replace('"networks": "', '"networks": "f'))
    with pytest.raises(ConfigError, match=r"other networks than those that other\.json"):
        NetworksCodec(stand_in[0], tmp_path / "other.json")


def test_the_folder_is_found_or_the_message_says_what_to_do(
    stand_in: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(folder.VARIABLE, raising=False)
    assert "set BENCH_JPEG_AI to the folder" in (folder.problem() or "")
    monkeypatch.setenv(folder.VARIABLE, str(tmp_path))
    assert f"{tmp_path}, which has no encoder/single_encode_y.onnx" in (folder.problem() or "")
    monkeypatch.setenv(folder.VARIABLE, str(stand_in[0]))
    assert folder.problem() is None
    assert folder.find() == stand_in[0]
