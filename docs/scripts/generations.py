"""The PSNR that a picture loses when it is encoded and decoded again and again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from bench.codec import Codec, Image
from bench.images import image_set
from bench.metrics.scores import psnr
from bench.registry.registry import instantiate
from bench.store.run_folder import Run
from leaderboard.aggregate.suite_info import setting

GENERATIONS = 10


def lost_in_generations(run: Run, labels: Sequence[str]) -> Mapping[str, float]:
    """Return the PSNR in dB that codecs of a run lose between the first and the last generation.

    Args:
        run: the run; its clean pictures are coded.
        labels: labels of the codecs.

    Returns:
        The mean over the pictures, by label.
    """
    suite = setting(run)
    pictures = [picture.pixels for picture in image_set.load(suite.images, Path())]
    specs = {str(spec): spec for group in suite.codecs for spec in group}
    return {label: mean_loss(instantiate("codec", specs[label]), pictures) for label in labels}


def mean_loss(codec: Codec, pictures: Iterable[Image]) -> float:
    """Return the mean PSNR in dB that pictures, uint8 (H, W, 3), lose after the first coding."""
    return fmean(_loss(codec, picture) for picture in pictures)


def _loss(codec: Codec, picture: Image) -> float:
    coded = codec.decode(codec.encode(picture))
    first = psnr(picture, coded)
    for _ in range(GENERATIONS - 1):
        coded = codec.decode(codec.encode(coded))
    return first - psnr(picture, coded)
