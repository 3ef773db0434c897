"""The adversarial pictures of a run folder: adversarial/KEY.png, one for each successful search.

A picture counts only if its pixels have the hash in the record of its search. One that was lost or
altered is no picture of the run.
"""

from __future__ import annotations

from pathlib import Path

from bench.codec import Image
from bench.errors import ImageError
from bench.images.image_set import pixel_hash
from bench.images.png import decode_png
from bench.store.records import CraftRecord
from bench.utils.files import read_file

PICTURES = "adversarial"


def picture_file(key: str) -> str:
    """Return the file of the picture of a search, relative to the run folder."""
    return f"{PICTURES}/{key}.png"


def read_picture(folder: Path, record: CraftRecord) -> Image | None:
    """Return the picture that a search found, uint8 (H, W, 3); None if it is lost or altered.

    Args:
        folder: the run folder.
        record: the record of the search.
    """
    try:
        image = decode_png(read_file(folder / picture_file(record.key)))
    except (OSError, ImageError):
        return None
    image.setflags(write=False)
    return image if pixel_hash(image) == record.sha256 else None
