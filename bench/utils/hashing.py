"""The hash of everything that is identified by its content: suites, plans, jobs."""

from __future__ import annotations

import hashlib
import json


def digest(value: object) -> str:
    """Return the SHA-256, in hex, of a JSON value, written with sorted keys and no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def job_key(**parts: object) -> str:
    """Return the key of a job: 24 hex digits of the hash of all that can change its result."""
    return digest(parts)[:24]


def random_seed(**parts: object) -> int:
    """Return the seed of random numbers: 48 bits of the hash of all that may change them.

    Versions of packages, hashes of weights and properties of the machine are never among the parts.
    Two laboratories that run the same suite therefore start from the same random pictures.
    """
    return int(digest(parts)[:12], 16)
