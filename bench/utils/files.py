"""Files that are replaced as a whole, and reading of files from outside, regular ones only."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; a pipe, which could never end, is not even waited for.

    Raises:
        OSError: there is no such file, it is no regular file, or it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "it is not a regular file", str(path))


def read_file(path: Path, most: int | None = None) -> bytes:
    """Return the content of a regular file.

    Args:
        path: the file.
        most: largest size that is read, in bytes; any if None.

    Raises:
        OSError: there is no such file, it is no regular file, too large, or cannot be read.
    """
    with open_regular(path) as file:
        if most is not None and os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, f"it is larger than {most} bytes", str(path))
        return file.read()


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file so that a reader, or a restart after a crash, sees the old or the new content.

    The content is written to a temporary file beside `path`, synced to disk, and renamed. The
    folder of `path` must exist. Two processes must not write the same path at the same time.

    Raises:
        OSError: the file cannot be written. The old file is then unchanged and the temporary file
            is removed.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
