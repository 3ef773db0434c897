"""Expected errors. The message of each is one sentence for the user."""

import errno


class BenchError(Exception):
    """An error that the user can fix. The message names the place and the remedy."""


class ConfigError(BenchError):
    """A suite, a recipe or a command line is invalid."""


class ImageError(BenchError):
    """A picture cannot be read, or a picture set is not available."""


class MissingPicturesError(ImageError):
    """The pictures of a set are not on this machine. This contradicts no record of them."""


class MissingPackageError(ConfigError):
    """An optional package is not installed here. This contradicts no record that needed it."""


class StoreError(BenchError):
    """A run folder cannot be used, read or written."""


class MachineError(BenchError):
    """The machine ran out of memory, disk or another resource. The message names the cause only."""


class CodecError(BenchError):
    """An encoder or a decoder failed, or a bitstream is damaged or from another codec."""


class Unsupported(CodecError):
    """A codec does not support the input (for example its size); this is not a failure."""


SCARCE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EIO}
)
"""The errors of the operating system that mean that the machine ran out of a resource."""


_NO_MEMORY = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
)
"""The messages of torch when it runs out of memory."""


PLUGIN_ERRORS = (Exception, SystemExit)
"""The exceptions that the harness treats as a failure of a codec, an attack or a metric."""


def raise_if_machine(error: BaseException) -> None:
    """Raise `MachineError` if an exception means that the machine ran out of a resource.

    The resource is memory, disk, file handles or processes. The exception can come from the
    operating system, Python or torch.
    """
    no_memory = isinstance(error, RuntimeError) and any(text in str(error) for text in _NO_MEMORY)
    scarce = isinstance(error, OSError) and error.errno in SCARCE
    if isinstance(error, MachineError):
        raise error
    if isinstance(error, MemoryError) or no_memory or scarce:
        reason = getattr(error, "strerror", None) or str(error) or "out of memory"
        raise MachineError(
            f"the machine ran out of a resource that a codec or attack needs ({reason})"
        ) from error


LONGEST_MESSAGE = 2000
"""Length of the longest message that is printed or recorded, in characters."""


def one_line(error: BaseException) -> str:
    """Return the message of an exception as one line, with the type if it is no `BenchError`.

    It can be written anywhere: what is no text, such as half of a surrogate pair, is escaped, and
    a message of more than `LONGEST_MESSAGE` characters is cut. Of a traceback in the message, its
    last line remains, which has the type and the message of the cause.
    """
    line = writable(" ".join(_without_traceback(_message(error)).split()))
    whole = line if isinstance(error, BenchError) else f"{type(error).__name__}: {line}"
    return whole if len(whole) <= LONGEST_MESSAGE else f"{whole[:LONGEST_MESSAGE]}..."


LONGEST_CAUSE = 300
"""Length of the longest foreign message inside a sentence of the harness, in characters."""


def cause(error: BaseException) -> str:
    """Return `one_line`, cut to `LONGEST_CAUSE` characters if the text is not of the harness."""
    line = one_line(error)
    is_own = isinstance(error, BenchError) and not isinstance(error, CodecError)
    return line if is_own or len(line) <= LONGEST_CAUSE else f"{line[:LONGEST_CAUSE]}..."


def writable(text: str) -> str:
    """Return a text with everything escaped that UTF-8 cannot encode."""
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")


def _without_traceback(message: str) -> str:
    before, traceback, after = message.partition("Traceback (most recent call last):")
    return before + after.rstrip().rpartition("\n")[2] if traceback else message


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a plugin's exception can fail in any way
        return "its message cannot be read"
