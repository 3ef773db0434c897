"""Whether a codec here is a published one, although it was built with other versions.

    fingerprint --without versions--> name and model, or its weights: must be equal
    clean pictures --coded here--> scores, within the tolerances of `bench.verify.tolerances`

A lossless reference can have any version: its pictures are the same, and its rate depends on the
version of Pillow.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from bench.errors import StoreError
from bench.planning.resolve import make_codec
from bench.store.records import MeasureRecord
from bench.store.run_folder import Run
from bench.verify.replan import ReplannedRun
from bench.verify.tolerances import differences

_MODEL = re.compile(
    r" (?P<whole>[0-9a-f]+)(, weights (?P<weights>[0-9a-f]+))?"
    r" \(compressai [^\s,()]+, torch [^\s,()]+, [a-z]+\)"
)
"""What the fingerprint of a learned codec has after its name: the hash of the whole model with its
entropy-coder tables, that of its weights (older fingerprints have none), versions and the device.
"""


def is_same_codec(published: str, here: str) -> bool:
    """Return whether two fingerprints name the same codec, in whatever versions and on any device.

    Learned codecs are the same if their whole models are, or their weights: the tables of the
    entropy coder follow from the weights, but builds of torch can round them differently. The
    versions of programs and of Pillow must be equal: they are the codec. So must brackets of any
    other form, which can hold parameters of a plugin.
    """
    return any(_MODEL.sub(part, published) == _MODEL.sub(part, here) for part in (_whole, _weights))


def _whole(found: re.Match[str]) -> str:
    return f" {found['whole']}"


def _weights(found: re.Match[str]) -> str:
    return f" weights {found['weights']}" if found["weights"] else _whole(found)


def codecs_here(
    published: Mapping[str, str], again: ReplannedRun, references: Collection[str]
) -> dict[str, str]:
    """Return the fingerprints of published codecs on this machine, by label.

    Args:
        published: their published fingerprints, by label.
        again: the replanned run that they were published from.
        references: labels of lossless references.

    Raises:
        StoreError: the weights or parameters of a codec are not the published ones.
        ConfigError: a codec cannot be made here.
    """
    here = {label: make_codec(again.points[label]).fingerprint() for label in published}
    for label, fingerprint in here.items():
        if not is_same_codec(published[label], fingerprint) and label not in references:
            raise StoreError(
                f"{label} is '{fingerprint}' here but was published as '{published[label]}';"
                " pictures are only scored on the published codec, of which only the versions of"
                " torch and CompressAI and the device may differ"
            )
    return here


def check_clean_scores(
    published: Run, measured: Iterable[MeasureRecord], references: Collection[str]
) -> None:
    """Check that codecs here score the source pictures as where they were published.

    Args:
        published: the published records.
        measured: records of this machine, whose keys and fingerprints can be others. Those of
            attacked pictures and of references are left out.
        references: labels of lossless references.

    Raises:
        StoreError: a score differs beyond the tolerances.
    """
    known = {_place(record): record for record in published.measures if record.threat == "clean"}
    for record in measured:
        kept = known.get(_place(record))
        if record.threat != "clean" or record.victim in references or kept is None:
            continue
        own = {"key": record.key, "fingerprint": record.fingerprint}
        for difference in differences(kept.model_copy(update=own), record, exactly=False):
            versions = ", ".join(f"{n} {v}" for n, v in published.manifest.versions.items())
            raise StoreError(
                f"{record.victim} on {record.picture} is not as published: {difference}; use the"
                f" versions of the entry: {versions}"
            )


def _place(record: MeasureRecord) -> tuple[str, str, int | None]:
    return record.victim, record.picture, record.draw
