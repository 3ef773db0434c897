"""Files that are replaced as a whole."""

from __future__ import annotations

import os
from pathlib import Path


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
