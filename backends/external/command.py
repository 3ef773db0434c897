"""Any encoder and decoder on the command line as a codec.

    image --file--> encode: "cwebp -q {quality} {input.png} -o {output.webp}" --container--> bytes
    image <--file-- decode: "dwebp {input.webp} -o {output.png}"              <--container--

`template` reads the two command lines, `command_line` runs one, `picture_file` holds the pictures.
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
from pydantic import validate_call

from backends.external import picture_file
from backends.external.base import Coding, External
from backends.external.command_line import CommandLine, command_line
from backends.external.layout import RGB
from backends.external.program import time_limit
from backends.external.template import (
    DecodeTemplate,
    EncodeTemplate,
    Value,
    check_parameters,
    parse,
)
from bench.codec import Image
from bench.errors import ConfigError

_S = 60.0
"""Seconds per megapixel on one idle core that an encoder or a decoder is given."""

_LARGEST, _LARGEST_PER_PIXEL = 2**26, 32
"""The largest file that a program can write: a constant in bytes, and bytes per pixel."""

_SIDE = 64
"""Height and width of the picture with which the programs are tried."""


class Command(External):
    """Two programs as a codec, each given by the template of its command line.

    The encoder reads a picture and writes a bitstream, the decoder the other way round. A
    placeholder {input.SUFFIX} or {output.SUFFIX} stands for the path of a file; the suffix names
    the format: png, ppm, bmp or tiff for pictures, anything for bitstreams. Every other placeholder
    is a parameter. No shell runs. Both programs code a small picture when the codec is made.

    Args:
        encode: the encoder's command line, such as "cwebp -q {quality} {input.png} -o
            {output.webp}".
        decode: the decoder's command line, such as "dwebp {input.webp} -o {output.png}".
        parameters: the value of each further placeholder, a number or a text.

    Raises:
        ConfigError: a placeholder has no value, a parameter no placeholder, or a program is not on
            PATH.
        CodecError: a program fails on the small picture.
    """

    @validate_call
    def __init__(
        self, /, encode: EncodeTemplate, decode: DecodeTemplate, **parameters: Value
    ) -> None:
        encoding, decoding = parse("encode", encode), parse("decode", decode)
        try:
            check_parameters({"encode": encoding, "decode": decoding}, frozenset(parameters))
        except ValueError as error:
            raise ConfigError(str(error)) from error
        values = {name: str(value) for name, value in parameters.items()}
        encoding, decoding = encoding.filled(values), decoding.filled(values)
        super().__init__(Coding(name=f"command {decoding}", layout=RGB))
        self._encoder, self._decoder = command_line(encoding), command_line(decoding)
        self._fingerprint = "; ".join(
            (
                f"command {encoding}; {decoding}",
                f"{self._encoder.identity}; {self._decoder.identity}",
                _work(self._encoder, self._decoder),
            )
        )

    def fingerprint(self) -> str:
        return self._fingerprint

    def _encode_samples(self, image: Image) -> bytes:
        return _encode(self._encoder, image)

    def _decode_samples(self, stream: bytes, size: tuple[int, int]) -> bytes:
        return _decode(self._decoder, stream, size).tobytes()


def _encode(encoder: CommandLine, image: Image) -> bytes:
    size = image.shape[0], image.shape[1]
    file = picture_file.write(image, encoder.template.input)
    return encoder.run(file, time_limit(_S, *size), _largest_file(size))


def _decode(decoder: CommandLine, stream: bytes, size: tuple[int, int]) -> Image:
    file = decoder.run(stream, time_limit(_S, *size), _largest_file(size))
    return picture_file.read(file, decoder.template.output, size)


def _largest_file(size: tuple[int, int]) -> int:
    return _LARGEST + _LARGEST_PER_PIXEL * size[0] * size[1]


@cache
def _work(encoder: CommandLine, decoder: CommandLine) -> str:
    """Return the hash of what two programs make of a small picture.

    It changes with the libraries that the programs load, which the hash of a program does not. A
    program that writes something else each time has no such hash.
    """
    first, second = (_trial(encoder, decoder) for _ in range(2))
    return f"by their work {first}" if first == second else "their work differs from run to run"


def _trial(encoder: CommandLine, decoder: CommandLine) -> str:
    shape = (_SIDE, _SIDE, 3)
    ramp = np.arange(_SIDE * _SIDE * 3).astype(np.uint8).reshape(shape)
    stream = _encode(encoder, ramp)
    decoded = _decode(decoder, stream, shape[:2])
    return hashlib.sha256(stream + decoded.tobytes()).hexdigest()[:12]
