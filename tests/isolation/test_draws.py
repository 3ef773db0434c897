"""Draws of a random codec in other processes: the same bytes as here, and one network for all."""

from __future__ import annotations

from contextlib import closing

import numpy as np

from bench.isolation.coder import LocalCoder
from bench.isolation.coder_pool import CoderPool
from bench.isolation.coder_process import CoderSpec
from bench.planning.resolve import make_codec
from bench.registry import plugins
from bench.suite.fields import single
from bench.wrapping import drawn

PLUGIN = """\
from pathlib import Path

from backends.toy import Toy
from bench.entry import Entry


class Noted(Toy):
    def __init__(self) -> None:
        super().__init__()
        with Path({note!r}).open("a") as file:
            file.write("made\\n")


CODECS = {{"noted": Entry(Noted, "notes each time it is made")}}
"""


def test_all_draws_share_one_codec(tmp_path, photograph):
    note = tmp_path / "note"
    (tmp_path / "noted.py").write_text(PLUGIN.format(note=str(note)))
    plugins.load("noted.py", tmp_path)
    choice = single("codec", {"name": "noted", "defence": {"name": "flip", "way": "random"}})
    codec, picture = make_codec(choice), photograph("coffee", 8, 12)
    note.write_text("")
    with closing(CoderPool(1)) as pool:
        streams = [_coded(pool, CoderSpec(choice, codec.fingerprint(), s), picture) for s in SEEDS]
    assert note.read_text().splitlines() == ["made"] * 2  # by the encoder and by the decoder
    assert streams == [_stream(codec, seed, picture) for seed in SEEDS]
    assert len(set(streams)) > 1


SEEDS = (3, 4, 5, 6, 3)


def _coded(pool, spec, picture):
    """Return the bitstream of a draw, which it decodes to the right size."""
    coder = pool.coder(spec)
    stream = coder.encode(picture).value
    assert coder.decode(stream, picture.shape[:2]).value.shape == picture.shape
    return stream


def _stream(codec, seed, picture):
    return LocalCoder(drawn(codec, np.random.default_rng(seed))).encode(picture).value
