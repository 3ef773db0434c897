"""Failures that are expected, each told to the user in one sentence."""


class BenchError(Exception):
    """Something the user can mend; the message names the place and the way out."""


class ConfigError(BenchError):
    """A suite, a recipe or a command line that cannot be carried out."""


class ImageError(BenchError):
    """A picture that cannot be read, or a picture set that cannot be had."""


class StoreError(BenchError):
    """A run folder that cannot be used, read or written."""


class MachineError(BenchError):
    """The machine ran out of something; no fault of a codec, and so never its score."""


class CodecError(BenchError):
    """A codec failed: its encoder, its decoder, or a bitstream that is not its own."""


class Unsupported(CodecError):
    """A codec does not offer what was asked of it (a size, a bit rate); no fault of its own."""


def machine_failed(error: OSError | MemoryError) -> MachineError:
    """Return what to raise where a codec or an attack could not do its work for want of means."""
    reason = getattr(error, "strerror", None) or str(error) or "out of memory"
    return MachineError(
        f"this machine refused what a codec or attack needs ({reason}); what was measured is kept,"
        " mend that and run the same command again"
    )
