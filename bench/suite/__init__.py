"""Suites: checked settings from YAML, the bundled suites, and the JSON schema of suite files.

`bench.planning` turns a suite into jobs.
"""

from __future__ import annotations

from importlib import resources

FOR_PAGES = frozenset(
    {
        *("attacks", "attacks-convergence", "attacks-queries", "attacks-queries-jpeg"),
        *("attacks-seeds", "attacks-standard-1", "attacks-standard-2", "attacks-standard-full"),
        *("codecs-kodak", "codecs-kodak-newer"),
        *("defences", "defences-published", "defences-rate", "defences-steps"),
        *("hardening-autoregressive-q5", "hardening-factorized-q5", "hardening-generations"),
        *("hardening-hyperprior-q1", "hardening-hyperprior-q2", "hardening-hyperprior-q4"),
        *("hardening-hyperprior-q5", "hardening-hyperprior-q6", "hardening-hyperprior-q7"),
        "hardening-mean-q5",
        *("sun2024-bundled", "sun2024-checkpoint", "sun2024-h266", "sun2024-h266-queries"),
        *("sun2024-smooth", "sun2024-standard"),
    }
)
"""Bundled suites whose results are shown on pages of docs/."""


def bundled_suites() -> list[str]:
    """Return the names of the suites that ship with the package."""
    files = resources.files("suites").iterdir()
    return sorted(file.name[:-5] for file in files if file.name.endswith(".yaml"))
