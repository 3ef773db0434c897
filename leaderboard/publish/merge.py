"""Entries of one track -> their records together; no entry changes the results of another codec.

A search that several entries contain counts once. Where their records of it differ, as they may
between two machines, the scores of each entry stay with its own search. Only the lossless reference
is in several entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bench.errors import StoreError
from bench.store.records import TIMES, CraftRecord, MeasureRecord
from bench.store.run_folder import Run
from bench.verify.tolerances import differences
from leaderboard.aggregate.families import common_name, family_key
from leaderboard.aggregate.suite_info import setting
from leaderboard.publish.entry import Entry, slug


@dataclass(frozen=True)
class Records:
    """The records of several entries.

    Attributes:
        crafts: the searches, by key.
        measures: the evaluations, by key.
    """

    crafts: dict[str, CraftRecord] = field(default_factory=dict)
    measures: dict[str, MeasureRecord] = field(default_factory=dict)


def merged(parts: Iterable[tuple[Entry, Run]]) -> Records:
    """Return the records of the entries of one track.

    Raises:
        StoreError: an entry scores the codec of another entry, or two contradict each other.
    """
    records, owners = Records(), dict[str, str]()
    recorded_by: dict[str, str] = {}
    for entry, run in parts:
        for sentence in foreign(entry, run):
            raise StoreError(sentence)
        _claim(owners, entry, run)
        for record in _added(records, entry, run):
            first = records.measures.setdefault(record.key, record)
            other = recorded_by.setdefault(record.key, entry.codec)
            if first is not record:
                _agree(first, record, f"the entries of {other} and {entry.codec} on {entry.track}")
    return records


def foreign(entry: Entry, run: Run) -> Iterator[str]:
    """Yield a sentence if an entry scores codecs that it does not list."""
    if others := {record.victim for record in run.measures} - entry.codecs.keys():
        yield (
            f"the entry of {entry.codec} on {entry.track} holds scores of"
            f" {', '.join(sorted(others))}, which are not its codecs; remove the entry"
        )


def of_others(entry: Entry, run: Run) -> Iterator[str]:
    """Yield a sentence if the operating points of an entry do not belong to one codec."""
    suite = setting(run)
    labels = [label for label in entry.codecs if label not in suite.references]
    if unknown := [label for label in labels if label not in suite.choices]:
        yield f"codecs: {', '.join(unknown)} is not in its suite"
        return
    keys = {family_key(suite.choices[label]) for label in labels}
    if len(keys) != 1:
        yield f"codecs: {', '.join(labels)} are not the operating points of one codec"
    elif entry.codec not in {*keys, common_name(labels), *labels}:
        yield f"codec is {entry.codec!r}, its operating points are called {', '.join(labels)}"


def _claim(owners: dict[str, str], entry: Entry, run: Run) -> None:
    """Require that every operating point is in one entry only."""
    for label in entry.codecs.keys() - setting(run).references:
        if (owner := owners.setdefault(label, entry.codec)) != entry.codec:
            raise StoreError(
                f"'{label}' is in the entries of {owner} and {entry.codec} on {entry.track};"
                " remove the entry that it does not belong to"
            )


def _added(records: Records, entry: Entry, run: Run) -> Iterator[MeasureRecord]:
    """Add the searches of an entry and yield its evaluations, with their keys on the board."""
    names = {key: _name(records.crafts, craft, entry) for key, craft in run.crafts.items()}
    for key, craft in run.crafts.items():
        records.crafts[names[key]] = craft.model_copy(update={"key": names[key]})
    yield from (_renamed(record, names, entry) for record in run.measures)


def _name(known: Mapping[str, CraftRecord], craft: CraftRecord, entry: Entry) -> str:
    first = known.get(craft.key)
    is_shared = first is None or _timeless(first) == _timeless(craft)
    return craft.key if is_shared else _own(craft.key, entry)


def _renamed(record: MeasureRecord, names: Mapping[str, str], entry: Entry) -> MeasureRecord:
    craft = record.craft and names.get(record.craft, record.craft)
    if craft == record.craft:
        return record
    return record.model_copy(update={"key": _own(record.key, entry), "craft": craft})


def _own(key: str, entry: Entry) -> str:
    return f"{key}-{slug(entry.codec)}"


def _timeless(craft: CraftRecord) -> dict[str, object]:
    return craft.model_dump(exclude=set(TIMES))


def _agree(first: MeasureRecord, other: MeasureRecord, who: str) -> None:
    for difference in differences(first, other, exactly=False):
        raise StoreError(
            f"{who} contradict each other on {first.victim}, {first.picture}:"
            f" {difference.removesuffix(' measured').replace('in the record', 'in the first')} in"
            " the second; `bench verify` finds the wrong one; remove it"
        )
