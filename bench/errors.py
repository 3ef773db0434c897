"""Failures that are expected, each told to the user in one sentence."""

import errno


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


_SCARCE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EIO}
)


_SPENT = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")
"""How torch tells that memory is spent."""


PLUGIN_ERRORS = (Exception, SystemExit)
"""What the code of a codec, an attack or a metric may raise as its own failure; it may exit."""


def raise_if_machine(error: BaseException) -> None:
    """Raise `MachineError` if an exception tells that the machine ran out of something.

    Memory, disk, file handles or processes, whether the system, Python or torch says so.
    """
    told_memory = isinstance(error, RuntimeError) and any(one in str(error) for one in _SPENT)
    scarce = isinstance(error, OSError) and error.errno in _SCARCE
    if isinstance(error, MachineError):
        raise error
    if isinstance(error, MemoryError) or told_memory or scarce:
        reason = getattr(error, "strerror", None) or str(error) or "out of memory"
        raise MachineError(
            f"this machine lacks what a codec or attack needs ({reason}); what was measured is"
            " kept, mend that and run the same command again"
        ) from error


def one_line(error: BaseException) -> str:
    """Return an exception as one line; ours are sentences, others need their type."""
    line = " ".join(str(error).split())
    return line if isinstance(error, BenchError) else f"{type(error).__name__}: {line}"
