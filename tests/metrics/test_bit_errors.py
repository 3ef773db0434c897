"""Bit errors in bitstreams: closed forms, and decoders that refuse, crash, hang or give less."""

from __future__ import annotations

import math

import numpy as np
import pytest

from backends.metrics.bit_errors import BitErrorPsnr, BitErrors
from backends.toy import Toy
from bench.cli.main import main
from bench.container import overhead, pack, unpack, with_sections_changed
from bench.engine import executors
from bench.engine.executors import Options
from bench.engine.runner import describe, prepare
from bench.errors import MachineError, Unsupported
from bench.isolation.coder import LocalCoder
from bench.metric import Stream, StreamMetric, is_metric
from bench.metrics.scores import psnr
from bench.scoring.roundtrip import damaged_decoder, encode_decode
from bench.store.run_folder import open_run, read_run
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse

_ID = b"raw1"


def _decoded(content):
    box = unpack(_ID, content)
    return np.frombuffer(b"".join(box.sections), np.uint8).reshape(box.height, box.width, 3)


@pytest.fixture
def picture(rng):
    return rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)


@pytest.fixture
def stream(picture):
    """Return the levels of the picture themselves, in two sections."""
    parts = np.split(picture.reshape(-1), [1000])
    return Stream(pack(_ID, 40, 50, [part.tobytes() for part in parts]), _decoded)


@pytest.mark.parametrize("rate", [3e-3, 1e-2, 0.5])
def test_the_psnr_of_plain_levels_has_a_closed_form(rate, picture, stream):
    """Bit b of a level is worth 2^b, so each wrong one adds 4^b: 21845 p in the mean."""
    metric = BitErrorPsnr(rate=rate, repetitions=60)
    error = rate * (4**8 - 1) / 3
    assert metric.after_damage(picture, stream) == pytest.approx(
        -10 * math.log10(error / 255**2), abs=0.25
    )
    assert BitErrors(rate=rate, repetitions=3).after_damage(picture, stream) == 0


@pytest.mark.parametrize("rate", [1e-6, 1e-5])
def test_a_decoder_that_refuses_every_error_fails_as_often_as_a_bit_is_wrong(rate, picture):
    content = pack(_ID, 40, 50, [picture.tobytes()])
    strict = Stream(content, lambda damaged: picture if damaged == content else None)
    share = 1 - (1 - rate) ** (8 * picture.size)
    found = BitErrors(rate=rate, repetitions=1000).after_damage(picture, strict)
    assert found == pytest.approx(100 * share, abs=5)
    assert BitErrorPsnr(rate=rate, repetitions=20).after_damage(picture, strict) == math.inf


def test_the_share_of_the_toy_codec_has_a_closed_form():
    """Three levels 0 are three zeros, and five fill the byte: at least three zeros must be left."""
    coder, image = LocalCoder(Toy()), np.zeros((1, 1, 3), np.uint8)
    whole = encode_decode(coder, image)
    stream = Stream(whole.bitstream, damaged_decoder(coder, whole))
    failing = sum(math.comb(8, zeros) for zeros in range(3)) / 2**8
    metric = BitErrors(rate=0.5, repetitions=1000)
    assert metric.after_damage(image, stream) == pytest.approx(100 * failing, abs=4)
    psnr_of_rest = BitErrorPsnr(rate=0.5, repetitions=20)
    rest = [psnr(image, one) for one in psnr_of_rest.received(image, stream) if one is not None]
    assert psnr_of_rest.after_damage(image, stream) == pytest.approx(np.mean(rest))


def test_only_the_byte_strings_are_damaged(picture, stream):
    found = []
    BitErrors(rate=0.5, repetitions=4).received(picture, Stream(stream.content, found.append))
    for damaged in found:
        box = unpack(_ID, damaged)
        assert (box.height, box.width, len(damaged)) == (40, 50, len(stream.content))
        for part, before in zip(box.sections, unpack(_ID, stream.content).sections, strict=True):
            bits = np.unpackbits(np.frombuffer(part, np.uint8) ^ np.frombuffer(before, np.uint8))
            assert 0.45 < bits.mean() < 0.55
    assert len(set(found)) == 4


def test_containers_in_containers_are_opened_and_files_are_damaged_everywhere(stream):
    outer = pack(b"outr", 40, 50, [b"\3", stream.content])
    changed = with_sections_changed(outer, lambda part: bytes(len(part)))
    index, inner = unpack(b"outr", changed).sections
    assert (index, len(inner)) == (b"\0", len(stream.content))
    assert not any(b"".join(unpack(_ID, inner).sections))
    assert with_sections_changed(b"\xff\xd8\xff", lambda part: part[::-1]) == b"\xff\xd8\xff"[::-1]
    assert overhead(2) + 6000 == len(stream.content)


def test_positions_depend_on_seed_picture_and_repetition_only(picture, stream):
    def found(image=picture, **parameters):
        metric, seen = BitErrors(rate=1e-3, repetitions=2, **parameters), []
        metric.received(image, Stream(stream.content, seen.append))
        return seen

    assert found() == found()
    assert not {*found()} & {*found(seed=1)}
    assert not {*found()} & {*found(255 - picture)}


def test_a_picture_that_cannot_be_coded_counts_as_grey(picture):
    failed = Stream(b"", lambda _: None)
    assert BitErrors().after_damage(picture, failed) == 100
    grey = np.full_like(picture, 128)
    assert BitErrorPsnr().after_damage(picture, failed) == psnr(picture, grey)


def test_there_is_no_psnr_where_nothing_is_decoded(picture, stream):
    metric = BitErrorPsnr(rate=0.5)
    assert is_metric(metric)
    assert isinstance(metric, StreamMetric)
    with pytest.raises(Unsupported, match="none of the 10 damaged bitstreams"):
        metric.after_damage(picture, Stream(stream.content, lambda _: None))


class _Greedy(Toy):
    """Runs out of memory for damaged bitstreams, or for all of them."""

    def __init__(self):
        super().__init__()
        self.whole = None

    def decode(self, bitstream):
        if bitstream != self.whole:
            raise MemoryError
        return super().decode(bitstream)


def test_memory_that_only_a_damaged_bitstream_asks_for_is_its_failure():
    codec, image = _Greedy(), np.full((1, 1, 3), 3, np.uint8)
    codec.whole = codec.encode(image)
    coder = LocalCoder(codec)
    decode = damaged_decoder(coder, encode_decode(coder, image))
    assert decode(codec.whole[:-1]) is None
    codec.whole = None
    with pytest.raises(MachineError):
        decode(codec.encode(image)[:-2])


PLUGIN = """\
import os
import signal
import time
import zlib

import numpy as np

from bench.codec import Codec
from bench.container import overhead, pack, unpack
from bench.entry import Entry
from bench.errors import CodecError


class Raw(Codec):
    def __init__(self, answer: str) -> None:
        self._answer = answer

    def encode(self, image):
        content = image.tobytes()
        checksum = zlib.crc32(content).to_bytes(4, "big")
        return pack(b"raw1", *image.shape[:2], [content, checksum])

    def decode(self, bitstream):
        box = unpack(b"raw1", bitstream)
        content, checksum = box.sections
        image = np.frombuffer(content, np.uint8).reshape(box.height, box.width, 3)
        if zlib.crc32(content).to_bytes(4, "big") == checksum:
            return image
        if self._answer == "refuses":
            raise CodecError("a bit is wrong")
        if self._answer == "crashes":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self._answer == "hangs":
            time.sleep(10_000)
        return image[1:] if self._answer == "gives less" else image

    def fingerprint(self):
        return f"raw {self._answer}"

    def header_bytes(self, bitstream):
        return overhead(2)


CODECS = {"raw": Entry(Raw, "the levels themselves")}
"""

ANSWERS = ("refuses", "crashes", "hangs", "gives less", "guesses")

SUITE = """\
name: errors
plugins: [{plugin}]
images: {{set: sample, names: [coffee], crop: {{height: 16, width: 16}}}}
codecs:
  - {{name: raw, answer: [{answers}], label: "{{answer}}"}}
  - {{name: toy, label: toy}}
attacks: [sign-noise]
budgets: [{{linf: 8}}]
metrics:
  - {{name: bit-errors, rate: [0.000001, 0.5], repetitions: 1}}
  - {{name: bit-error-psnr, rate: [0.000001, 0.5], repetitions: 1}}
compute: {{threads: 1}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("errors")
    (place / "raw.py").write_text(PLUGIN)
    text = SUITE.format(plugin=place / "raw.py", answers=", ".join(ANSWERS))
    prepared = prepare(parse(text, "errors.yaml", Suite), place)
    execute = executors.executor("serial", Options(call_limit_s=4.0))
    with open_run(place / "run", describe(prepared)) as store:
        list(execute(prepared, store))
    return place / "run"


def _change(path, old, new):
    path.write_text(path.read_text().replace(old, new, 1))


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_a_decoder_does_with_damage_is_counted_and_harms_nothing(folder, answer):
    records = [record for record in read_run(folder).measures if record.victim == answer]
    assert [record.status for record in records] == ["ok", "ok"]
    (clean,) = (record.scores.extra for record in records if record.threat == "clean")
    (noisy,) = (record.scores.extra for record in records if record.threat == "noise")
    fails = 0 if answer == "guesses" else 100
    for extra in (clean, noisy):
        assert extra["bit-errors rate=1e-06 repetitions=1"].source == 0
        assert extra["bit-error-psnr rate=1e-06 repetitions=1"].clean == math.inf
        assert extra["bit-errors rate=0.5 repetitions=1"].source == fails
        rest = extra["bit-error-psnr rate=0.5 repetitions=1"]
        assert (rest.source is None) == bool(fails)
    assert clean["bit-errors rate=0.5 repetitions=1"].grey == 100


def test_decoders_of_the_harness_are_isolated_too_and_verified(folder, capsys):
    (clean,) = (
        record
        for record in read_run(folder).measures
        if (record.victim, record.threat) == ("toy", "clean")
    )
    assert clean.scores.extra["bit-errors rate=0.5 repetitions=1"].source is not None
    suite = folder.parent / "toy.yaml"
    text = SUITE.format(plugin="", answers="").replace("plugins: []\n", "")
    suite.write_text("".join(line for line in text.splitlines(True) if "raw" not in line))
    out = folder.parent / "toy"
    assert main(["run", str(suite), "-o", str(out), "--executor", "serial"]) == 0
    assert main(["verify", str(out)]) == 0
    _change(out / "records.jsonl", '"grey":100.0', '"grey":99.0')
    assert main(["verify", str(out)]) == 1
    _change(out / "manifest.json", '"processor": "', '"processor": "another ')
    assert main(["verify", str(out)]) == 0
    capsys.readouterr()
    assert main(["plan", str(suite)]) == 0
    assert "bit-errors rate=0.5 repetitions=1: 0.5 more codings" in capsys.readouterr().out
