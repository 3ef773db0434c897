"""One hash for everything that is identified by its content."""

from __future__ import annotations

import hashlib
import json


def digest(value: object) -> str:
    """Return the SHA-256 of a value as JSON with sorted keys and no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def job_key(**parts: object) -> str:
    """Return what identifies a job by all that can change its result."""
    return digest(parts)[:24]
