"""Conformance tests of defences.

::

    from bench.testing import DefenceContract
    from my_package import MyDefence

    class TestMyDefence(DefenceContract):
        def defence(self):
            return MyDefence()

The toy codec with the defence also goes through the conformance tests of codecs. If the defence
draws random numbers, one draw does.
"""

from __future__ import annotations

import math
from abc import abstractmethod

import numpy as np

from bench.codec import Branching, Codec, Image, Randomised
from bench.defence import Defence
from bench.errors import ConfigError
from bench.metrics.scores import psnr
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import instantiate
from bench.tensors import to_tensor
from bench.testing.base import NotApplicable, frozen, require
from bench.testing.codec import CodecContract
from bench.testing.pictures import PICTURES, SIZES, waves
from bench.wrapping import drawn, offers_gradients

_DRAWS = 12


class DefenceContract(CodecContract):
    """The checks of a defence, around a lossless codec and around one with gradients.

    Attributes:
        psnr_inside: the smallest PSNR, in dB, of a smooth picture with a little noise when the
            inner codec is lossless. Infinite (the default) if the defence returns every picture
            unchanged.
    """

    psnr_inside: float = math.inf

    @abstractmethod
    def defence(self) -> Defence:
        """Return the defence under test."""

    def inside(self) -> Codec:
        """Return the inner codec with gradients; the toy codec by default."""
        return _codec("toy")

    def lossless(self) -> Codec | None:
        """Return the lossless inner codec; None if the defence does not support such a codec."""
        return _codec("identity")

    def codec(self) -> Codec:
        """Return the defended codec for the conformance tests of codecs."""
        return drawn(self.defence()(self.inside()), np.random.default_rng(5))

    def test_it_declares_itself(self) -> None:
        defence = self.defence()
        require(isinstance(defence, Defence), "it does not implement bench.defence.Defence")
        require(len(defence.gradient) > 0, "`gradient` is empty; name the gradient of the defence")

    def test_the_loss_is_at_most_the_stated_one(self) -> None:
        if (lossless := self.lossless()) is None:
            raise NotApplicable("the defence does not support a lossless codec")
        codec = self.defence()(lossless)
        if math.isfinite(self.psnr_inside):
            decoded = self._round_tripped(codec, waves(*self.largest))
            value = psnr(waves(*self.largest), decoded)
            require(value >= self.psnr_inside, f"a picture was decoded with {value:.1f} dB")
            return
        for size in SIZES:
            for kind, picture in PICTURES.items():
                image = picture(*size)
                same = np.array_equal(self._round_tripped(codec, image), image)
                require(same, f"{kind} of {size} was not decoded exactly")

    def test_it_has_gradients_if_the_inner_codec_has(self) -> None:
        defended = self.defence()(self.inside())
        require(offers_gradients(defended), "it hides the gradients of the inner codec")
        if (lossless := self.lossless()) is not None:
            same = offers_gradients(self.defence()(lossless)) == offers_gradients(lossless)
            require(same, "it has gradients although the inner codec has none")

    def test_its_fingerprint_extends_that_of_the_inner_codec(self) -> None:
        own, inside = self.defence()(self.inside()).fingerprint(), self.inside().fingerprint()
        require(own != inside, "its fingerprint is that of the inner codec")
        require(inside in own, "its fingerprint does not contain that of the inner codec")

    def test_the_inner_codec_can_be_random(self) -> None:
        random = ComponentSpec("flip", (("way", "random"),))
        inside: Codec = instantiate("defence", random)(self.inside())
        try:
            codec, image = self.defence()(inside), frozen(waves(17, 33))
        except ConfigError as error:
            raise NotApplicable("the defence does not support a random codec") from error
        require(isinstance(codec, Randomised), "it hides that the inner codec is random")
        first, again = (drawn(codec, np.random.default_rng(3)).encode(image) for _ in range(2))
        require(first == again, "the same draw wrote different bytes")
        require(
            codec.decode(first).shape == image.shape,
            "it does not decode a bitstream of one of its draws",
        )

    def test_draws_depend_only_on_the_seed(self) -> None:
        codec, image = self.defence()(self.lossless() or self.inside()), frozen(waves(17, 33))
        if not isinstance(codec, Randomised):
            raise NotApplicable("the defence draws no random numbers")
        draws = [drawn(codec, np.random.default_rng(seed)) for seed in range(_DRAWS)]
        streams = [draw.encode(image) for draw in draws]
        again = [drawn(codec, np.random.default_rng(seed)).encode(image) for seed in range(_DRAWS)]
        require(streams == again, "the same seed gave another draw")
        require(len({_path_streams(draw, image) for draw in draws}) > 1, "all draws are the same")
        decoded = [codec.decode(stream) for stream in streams]
        same = all(np.array_equal(image, draws[0].decode(streams[0])) for image in decoded)
        require(
            same or math.isfinite(self.psnr_inside), "two draws are decoded to different pictures"
        )

    def test_the_bitstream_is_that_of_one_of_its_paths(self) -> None:
        codec, image = self.codec(), frozen(waves(17, 33))
        if not isinstance(codec, Branching):
            raise NotApplicable("the defence has one path")
        paths, streams = codec.paths(), _path_streams(codec, image)
        require(codec.encode(image) in streams, "no path encodes to the bitstream")
        costs = codec.costs(to_tensor(image))
        require(costs.shape == (len(paths), 1), f"costs have the shape {tuple(costs.shape)}")

    def _round_tripped(self, codec: Codec, image: Image) -> Image:
        return codec.decode(codec.encode(frozen(image)))


def _path_streams(codec: Codec, image: Image) -> tuple[bytes, ...]:
    """Return the bitstreams from which an encoder chooses."""
    paths = codec.paths() if isinstance(codec, Branching) else [codec]
    return tuple(path.encode(image) for path in paths)


def _codec(name: str) -> Codec:
    codec: Codec = instantiate("codec", ComponentSpec(name))
    return codec
