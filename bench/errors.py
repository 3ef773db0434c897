"""Failures that are expected, each told to the user in one sentence."""


class BenchError(Exception):
    """Something the user can mend; the message names the place and the way out."""


class ConfigError(BenchError):
    """A suite, a recipe or a command line that cannot be carried out."""


class ImageError(BenchError):
    """A picture that cannot be read, or a picture set that cannot be had."""


class StoreError(BenchError):
    """A run folder that cannot be used, read or written."""


class CodecError(BenchError):
    """A codec failed: its encoder, its decoder, or a bitstream that is not its own."""


class Unsupported(CodecError):
    """A codec does not offer what was asked of it (a size, a bit rate); no fault of its own."""
