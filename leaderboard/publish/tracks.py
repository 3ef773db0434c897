"""Tracks: bundled suites NAME-vN whose pictures, attacks, budgets and seeds are fixed.

To publish a codec, add it and its plugin to the suite. Everything else must be as in the track. The
hash of a track covers its fixed part and those of its codecs whose adversarial pictures other
codecs are scored on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from bench.errors import ConfigError
from bench.registry.component_spec import ComponentSpec
from bench.store.manifest import Manifest
from bench.suite import bundled_suites
from bench.suite.suite import Suite
from bench.utils.hashing import digest
from bench.utils.yaml_config import nearest, parse
from bench.verify.replan import parse_stored_suite

_NAME = re.compile(r".+-v\d+")
_FREE = {"codecs", "plugins", "description", "score"}


@dataclass(frozen=True)
class Track:
    """A suite to which results are published.

    Attributes:
        name: name of the suite.
        sha256: hash of the fixed part and of the sources.
        codecs: its own codecs by label.
        sources: those of them whose adversarial pictures other codecs are scored on.
    """

    name: str
    sha256: str
    codecs: dict[str, ComponentSpec]
    sources: dict[str, ComponentSpec]


def tracks() -> dict[str, Suite]:
    """Return the suites of the tracks that ship with the package, by name."""
    names = [name for name in bundled_suites() if _NAME.fullmatch(name)]
    files = {name: resources.files("suites") / f"{name}.yaml" for name in names}
    return {
        name: parse(file.read_text(encoding="utf-8"), f"{name}.yaml", Suite)
        for name, file in files.items()
    }


def shipped() -> dict[str, Track]:
    """Return the tracks that ship with the package, by name."""
    return {name: _track(suite) for name, suite in tracks().items()}


def track_of(manifest: Manifest, folder: Path) -> Track:
    """Return the track that a run belongs to.

    Args:
        manifest: manifest of the run.
        folder: where plugins of its suite are looked up first.

    Raises:
        ConfigError: the run belongs to no track; the message names the difference.
    """
    suite, known = parse_stored_suite(manifest.suite, folder), tracks()
    if suite.name not in known:
        raise ConfigError(
            f"the suite '{suite.name}' is no track, and only results of tracks can be published;"
            f" {nearest(suite.name, known) if known else 'there is no track'}"
        )
    track = known[suite.name]
    ours, theirs = fixed(suite), fixed(track)
    for key in ours.keys() | theirs.keys():
        if ours.get(key) != theirs.get(key):
            raise ConfigError(
                f"'{key}' of the run's suite is {ours.get(key)}, but {theirs.get(key)} in the track"
                f" {suite.name}; only the codecs may differ"
            )
    return _track(track)


def _track(suite: Suite) -> Track:
    return Track(suite.name, pin(suite), _codecs(suite), _sources(suite))


def pin(track: Suite) -> str:
    """Return the hash of the fixed part of a track and of its sources."""
    return digest([fixed(track), sorted(map(_identity, _sources(track).values()))])


def _sources(track: Suite) -> dict[str, ComponentSpec]:
    """Return the codecs whose adversarial pictures other codecs are scored on, by label."""
    if {choice.transfer or track.transfer for choice in track.all_attacks} == {"none"}:
        return {}
    codecs = _codecs(track)
    return {label: codecs[label] for label in track.transfer_from or codecs}


def _codecs(track: Suite) -> dict[str, ComponentSpec]:
    return {str(choice): choice for choice in track.operating_points}


def fixed(suite: Suite) -> dict[str, Any]:
    """Return the settings of a suite that differ from the defaults and that no run may choose.

    Defaults never change, so a new setting leaves the hashes of all tracks as they are.
    """
    settings = suite.model_dump(mode="json", exclude_defaults=True, exclude=_FREE)
    settings["images"].pop("folder", None)
    settings["attacks"] = sorted(map(_identity, suite.all_attacks))
    settings["objectives"] = sorted(map(_identity, suite.default_objectives))
    if suite.metrics:
        settings["metrics"] = sorted(map(_identity, suite.named_metrics))
    return settings


def _identity(choice: ComponentSpec) -> list[Any]:
    nested = [[_identity(spec) for spec in specs] for specs in (choice.defence, choice.objectives)]
    others = (*filter(None, nested), *choice.search_settings)
    return [str(choice), choice.name, sorted(choice.params), *others]
