"""Give one codec thousands of damaged bitstreams; a program of its own, as a decoder may crash it.

    python tests/helpers/damage.py COUNT SEED CODEC KEY=VALUE ...

DAMAGE_PLUGIN names the file that has the codec, where it is a plugin's.

Half of the streams are damaged as a whole, half inside their container under a right checksum.
Each has to end in a CodecError of one line or in a picture of the size that the stream names.
Prints how many did which as JSON; ends with another status than 0 at the first that did neither.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image as Pictures

from bench.cli.key_values import parse_params
from bench.codec import Codec
from bench.container import _HEAD, pack, unpack
from bench.errors import CodecError
from bench.registry import plugins
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate, resolve, unavailable
from bench.testing.pictures import grey, noise, waves

SECONDS = 200
"""Within which every stream is done with, or the program is killed."""

SIDES = ((0, 256), (60_000, 65_536))
"""Between which forged sides lie: of a picture soon decoded, or of one that no machine holds."""

OTHERS = (
    *("vvc qp=40 preset=faster", "hevc qp=40", "av1 crf=40", "svt-av1 crf=40", "jpegxl distance=2"),
    *("jpeg quality=50", "jpeg2000 ratio=5", "webp quality=50", "avif quality=50", "identity"),
    "bmshj2018-factorized checkpoint=bmshj2018-factorized-small-q1",
    "bmshj2018-hyperprior checkpoint=bmshj2018-hyperprior-small-q1",
    *("mbt2018-mean checkpoint=mbt2018-mean-small-q1", "toy"),
)
"""Whose streams the others are given, where they are at hand."""

Rng = np.random.Generator
Damage = Callable[[bytes, Rng], bytes]


def truncated(stream: bytes, rng: Rng) -> bytes:
    return stream[: rng.integers(len(stream))]


def flipped(stream: bytes, rng: Rng) -> bytes:
    damaged = bytearray(stream)
    for bit in rng.integers(8 * len(stream), size=2 ** rng.integers(5)):
        damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def overwritten(stream: bytes, rng: Rng) -> bytes:
    first, last = sorted(rng.integers(len(stream) + 1, size=2))
    return stream[:first] + rng.bytes(last - first) + stream[last:]


def shortened(stream: bytes, rng: Rng) -> bytes:
    first, last = sorted(rng.integers(len(stream) + 1, size=2))
    return stream[:first] + stream[last:]


def repeated(stream: bytes, rng: Rng) -> bytes:
    first, last = sorted(rng.integers(len(stream) + 1, size=2))
    return stream[:last] + stream[first:]


def garbage(stream: bytes, rng: Rng) -> bytes:
    return rng.bytes(rng.integers(2 * len(stream) + 1))


def constant(stream: bytes, rng: Rng) -> bytes:
    return bytes([rng.choice([0, 1, 127, 128, 255])]) * rng.integers(2 * len(stream) + 1)


def foreign(_: bytes, rng: Rng) -> bytes:
    """Return a picture as others code it, or now and then the same codec."""
    others = foreign_streams()
    return others[rng.integers(len(others))] if rng.random() < 0.7 else _file(rng)


@cache
def foreign_streams() -> list[bytes]:
    """Return what other codecs make of a picture: whole, and what is inside their containers."""
    found = []
    for name, *parameters in map(str.split, OTHERS):
        if unavailable("codec", name) is None:
            codec = instantiate(
                "codec", resolve("codec", ComponentSpec(name, parse_params(parameters)))
            )
            found += _with_sections(codec.encode(waves(40, 24)))
    return found


def _with_sections(stream: bytes) -> list[bytes]:
    if not stream.startswith(b"CRB1"):
        return [stream]
    return [stream, *unpack(stream[4:8], stream).sections]


def _file(rng: Rng) -> bytes:
    file = io.BytesIO()
    kind = rng.choice(["PNG", "JPEG", "WEBP", "AVIF", "JPEG2000", "GIF", "BMP", "TIFF", "PPM"])
    Pictures.fromarray(waves(*rng.integers(1, 60, size=2))).save(file, kind)
    return file.getvalue()


DAMAGES: tuple[Damage, ...] = (
    *(truncated, flipped, flipped, overwritten, shortened, repeated, garbage, constant, foreign),
)


def whole_streams(codec: Codec) -> list[bytes]:
    """Return what becomes of pictures that the codec offers to code."""
    sizes = ((1, 1), (17, 33), (40, 24), (64, 64))
    coded = [_coded(codec, draw(*size)) for draw in (waves, noise, grey) for size in sizes]
    return [stream for stream in coded if stream]


def damaged(whole: Sequence[bytes], count: int, rng: Rng) -> Iterator[bytes]:
    """Yield damaged streams, under a right checksum every second one."""
    for index in range(count):
        damage = DAMAGES[rng.integers(len(DAMAGES))]
        stream = whole[rng.integers(len(whole))]
        yield _sealed(stream, damage, rng) if index % 2 else damage(stream, rng)


def _coded(codec: Codec, image: np.ndarray) -> bytes:
    try:
        return codec.encode(image)
    except CodecError:
        return b""


def _sealed(stream: bytes, damage: Damage, rng: Rng) -> bytes:
    """Damage a section, or now and then the sizes; a PNG has no container."""
    if not stream.startswith(b"CRB1"):
        return damage(stream, rng)
    _, codec_id, *_ = _HEAD.unpack_from(stream)
    box = unpack(codec_id, stream)
    height, width, sections = box.height, box.width, list(box.sections)
    if rng.random() < 0.1:
        height, width = (int(side) for side in rng.integers(*SIDES[rng.integers(2)], size=2))
    else:
        index = rng.integers(len(sections))
        sections[index] = damage(sections[index] or b"\0", rng)
    return pack(codec_id, height, width, sections)


def outcome(codec: Codec, stream: bytes) -> str:
    """Return what became of a stream, in a word.

    Raises:
        AssertionError: neither a clear error nor a picture of the right size.
    """
    try:
        image = codec.decode(stream)
    except CodecError as error:
        message = str(error)
    else:
        _check_size(image, stream)
        return "a picture"
    assert "\n" not in message, f"an error of several lines: {message}"
    assert "was stopped after" not in message, f"the decoder hangs: {message}"
    return "refused"


def _check_size(image: np.ndarray, stream: bytes) -> None:
    assert image.dtype == np.uint8, f"a picture of {image.dtype}"
    if stream.startswith(b"CRB1"):
        _, _, height, width, _ = _HEAD.unpack_from(stream)
        assert image.shape == (height, width, 3), f"{image.shape} and not {(height, width, 3)}"


def main() -> None:
    count, seed, name, *parameters = sys.argv[1:]
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    if plugin := os.environ.get("DAMAGE_PLUGIN"):
        plugins.load(plugin, Path())
    codec = instantiate("codec", resolve("codec", ComponentSpec(name, parse_params(parameters))))
    folder = Path(tempfile.gettempdir())
    found: Counter[str] = Counter()
    whole = whole_streams(codec)
    foreign_streams()  # torch keeps a folder of its own from when it is first needed
    before = set(folder.iterdir())
    last = folder / "last-stream"
    for index, stream in enumerate(damaged(whole, int(count), np.random.default_rng(int(seed)))):
        signal.alarm(SECONDS)
        last.write_bytes(stream)
        try:
            found[outcome(codec, stream)] += 1
        except Exception as error:
            print(f"stream {index} of {len(stream)} bytes: {type(error).__name__}: {error}")
            raise
    last.unlink()
    left = [path.name for path in set(folder.iterdir()) - before]
    assert not left, f"files are left behind: {left}"
    assert not _has_children(), "a process is left behind"
    print(json.dumps(found))


def _has_children() -> bool:
    """Tell whether a process that this one started is still there, as a zombie even."""
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


if __name__ == "__main__":
    main()
