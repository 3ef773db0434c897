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
from bench.registry.registry import ComponentSpec, instantiate
from bench.tensors import to_tensor
from bench.testing.base import frozen, require
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
        return _named("toy")

    def lossless(self) -> Codec | None:
        """Return the lossless inner codec; None if the defence does not support such a codec."""
        return _named("identity")

    def codec(self) -> Codec:
        """Return the defended codec for the conformance tests of codecs."""
        return drawn(self.defence()(self.inside()), np.random.default_rng(5))

    def test_it_declares_itself(self) -> None:
        defence = self.defence()
        require(isinstance(defence, Defence), "it lacks what bench.defence.Defence asks for")
        require(len(defence.gradient) > 0, "it does not say what gradients follow through it")

    def test_nothing_is_lost_but_what_it_states(self) -> None:
        if (lossless := self.lossless()) is None:
            return
        codec = self.defence()(lossless)
        if math.isfinite(self.psnr_inside):
            back = self._back(codec, waves(*self.largest))
            found = psnr(waves(*self.largest), back)
            require(found >= self.psnr_inside, f"a picture comes back with {found:.1f} dB")
            return
        for size in SIZES:
            for kind, picture in PICTURES.items():
                image = picture(*size)
                same = np.array_equal(self._back(codec, image), image)
                require(same, f"{kind} of {size} came back changed")

    def test_it_offers_what_the_codec_inside_offers(self) -> None:
        behind = self.defence()(self.inside())
        require(offers_gradients(behind), "it keeps the gradients of the codec inside from attacks")
        if (lossless := self.lossless()) is not None:
            same = offers_gradients(self.defence()(lossless)) == offers_gradients(lossless)
            require(same, "it offers gradients that the codec inside has not")

    def test_its_fingerprint_tells_it_from_the_codec_inside(self) -> None:
        own, inside = self.defence()(self.inside()).fingerprint(), self.inside().fingerprint()
        require(own != inside, "its fingerprint is that of the codec inside")
        require(inside in own, "its fingerprint lacks that of the codec inside")

    def test_a_codec_that_draws_may_be_inside(self) -> None:
        random = ComponentSpec("flip", (("way", "random"),))
        inside: Codec = instantiate("defence", random)(self.inside())
        try:
            codec, image = self.defence()(inside), frozen(waves(17, 33))
        except ConfigError:
            return
        require(isinstance(codec, Randomised), "it hides that the codec inside draws")
        first, again = (drawn(codec, np.random.default_rng(3)).encode(image) for _ in range(2))
        require(first == again, "the same draw wrote different bytes")
        require(codec.decode(first).shape == image.shape, "it does not decode one of its draws")

    def test_draws_are_the_seeds_and_nothing_else(self) -> None:
        codec, image = self.defence()(self.lossless() or self.inside()), frozen(waves(17, 33))
        if not isinstance(codec, Randomised):
            return
        draws = [drawn(codec, np.random.default_rng(seed)) for seed in range(_DRAWS)]
        streams = [one.encode(image) for one in draws]
        again = [drawn(codec, np.random.default_rng(seed)).encode(image) for seed in range(_DRAWS)]
        require(streams == again, "the same seed gave another draw")
        require(len({_offered(one, image) for one in draws}) > 1, "all draws are the same")
        back = [codec.decode(stream) for stream in streams]
        same = all(np.array_equal(one, draws[0].decode(streams[0])) for one in back)
        require(
            same or math.isfinite(self.psnr_inside), "a draw's stream decodes to something else"
        )

    def test_the_way_that_is_kept_is_one_of_its_ways(self) -> None:
        codec, image = self.codec(), frozen(waves(17, 33))
        if not isinstance(codec, Branching):
            return
        ways = codec.paths()
        require(codec.encode(image) in [way.encode(image) for way in ways], "it is another stream")
        costs = codec.costs(to_tensor(image))
        require(costs.shape == (len(ways), 1), f"costs of shape {tuple(costs.shape)}")

    def _back(self, codec: Codec, image: Image) -> Image:
        return codec.decode(codec.encode(frozen(image)))


def _offered(codec: Codec, image: Image) -> tuple[bytes, ...]:
    """Return the bitstreams that an encoder chooses from."""
    ways = codec.paths() if isinstance(codec, Branching) else [codec]
    return tuple(way.encode(image) for way in ways)


def _named(name: str) -> Codec:
    codec: Codec = instantiate("codec", ComponentSpec(name))
    return codec
