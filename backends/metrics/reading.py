"""What can still be read of a picture: bar codes and words (packages of the extra `reading`)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, ClassVar

import numpy as np

from bench.codec import Image
from bench.errors import Unsupported
from bench.metric import Better, check_pair


@dataclass(frozen=True)
class CodesRead:
    """The read rate of bar codes, in per cent; 100 for identity.

    It is the share of the bar codes in the reference that zxing-cpp reads in the picture as well,
    with the same format and the same content: QR, Data Matrix, Aztec, PDF417, EAN, Code 128 and
    all others that https://github.com/zxing-cpp/zxing-cpp reads by default. The checksum or the
    error correction of a code decides whether it is read.
    """

    unit: ClassVar[str] = "%"
    better: ClassVar[Better] = "higher"
    version: ClassVar[int] = 1

    def __call__(self, reference: Image, picture: Image) -> float:
        """Return the read rate, 0 to 100; there is no least size.

        Args:
            reference: uint8 (H, W, 3).
            picture: uint8 (H, W, 3).

        Raises:
            Unsupported: no bar code is read in the reference.
            ValueError: the pictures differ in shape, or one is not uint8.
        """
        check_pair(reference, picture)
        return _kept("bar code", codes_in(reference), codes_in(picture))


@dataclass(frozen=True)
class WordsRead:
    """The word accuracy of an OCR engine, in per cent; 100 for identity.

    It is the share of the words in the reference that RapidOCR reads in the picture as well, letter
    by letter: the word accuracy of Rice, Jenkins & Nartker 1996, "The Fifth Annual Test of OCR
    Accuracy" (ISRI TR-96-01), of words in any order. What RapidOCR reads in the reference counts as
    the true text. Words are separated by spaces. The wheel of rapidocr carries the weights of
    PP-OCRv6 (small); nothing is downloaded. It computes in float32 with one thread, on the CPU.
    """

    unit: ClassVar[str] = "%"
    better: ClassVar[Better] = "higher"
    version: ClassVar[int] = 1

    def __call__(self, reference: Image, picture: Image) -> float:
        """Return the word accuracy, 0 to 100; there is no least size.

        Args:
            reference: uint8 (H, W, 3).
            picture: uint8 (H, W, 3).

        Raises:
            Unsupported: no word is read in the reference.
            ValueError: the pictures differ in shape, or one is not uint8.
        """
        check_pair(reference, picture)
        return _kept("word", words_in(reference), words_in(picture))


def codes_in(picture: Image) -> Counter[tuple[str, bytes]]:
    """Return format and content of the bar codes in a picture, uint8 (H, W, 3)."""
    import zxingcpp  # noqa: PLC0415 - an extra

    codes = zxingcpp.read_barcodes(_bgr(picture))
    return Counter((code.format.name, bytes(code.bytes)) for code in codes)


def words_in(picture: Image) -> Counter[str]:
    """Return the words in a picture, uint8 (H, W, 3)."""
    return Counter(_words(picture.tobytes(), picture.shape))


@lru_cache(maxsize=4)  # every evaluation asks for its source picture, and reading takes a second
def _words(levels: bytes, shape: tuple[int, ...]) -> tuple[str, ...]:
    lines = _reader()(_bgr(np.frombuffer(levels, np.uint8).reshape(shape))).txts
    return tuple(" ".join(lines or ()).split())


@cache
def _reader() -> Any:  # noqa: ANN401 - mypy leaves optional packages out
    from rapidocr import RapidOCR  # noqa: PLC0415 - an extra

    threads = {
        f"EngineConfig.onnxruntime.{which}_op_num_threads": 1 for which in ("intra", "inter")
    }
    return RapidOCR(params={"Global.log_level": "critical", **threads})


def _bgr(picture: Image) -> Image:
    """Return a picture in the order of channels that both packages take."""
    return np.ascontiguousarray(picture[..., ::-1])


def _kept(what: str, wanted: Counter[Any], found: Counter[Any]) -> float:
    """Return the share of the wanted items that were found, in per cent."""
    if not wanted:
        raise Unsupported(f"no {what} is read in the source picture")
    return 100 * (wanted & found).total() / wanted.total()
