"""What tests of boards do as someone who alters them, and how they read what is found."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from bench.verify.findings import Finding
from leaderboard.audit.audit import audit_entry
from leaderboard.publish.entry import read_entry, run_of, sha256
from leaderboard.publish.publish import figures

NAMES = ("entry.json", "challenge.json")
TRACK = """\
name: tiny-v1
images: {set: sample, names: [chelsea, coffee], crop: {height: 24, width: 40}}
codecs:
  - {name: toy, label: toy}
  - {name: jpeg, quality: [40, 80], label: "JPEG q {quality}"}
attacks: [fgsm]
objectives: [distortion]
budgets: [{linf: 8}]
compute: {threads: 1}
"""


def named(events):
    """Return the sentences of what was found wrong."""
    return [str(event) for event in events if isinstance(event, Finding)]


def entry_of(board, name="jpeg"):
    """Return the folder of an entry of the track tiny-v1."""
    return board / "entries/tiny-v1" / name


def alter(folder, change):
    """Let a function change what an entry, or a challenge, says."""
    (path,) = (folder / name for name in NAMES if (folder / name).exists())
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def lines_of(folder):
    """Return the records of an entry."""
    packed = (folder / "records.jsonl.gz").read_bytes()
    return [json.loads(line) for line in gzip.decompress(packed).splitlines()]


def put(folder, lines):
    """Write other records into an entry, and mend its hash, its cells and its figures."""
    path = folder / "records.jsonl.gz"
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))

    def mend(entry):
        entry["files"][path.name] = sha256(path.read_bytes())
        entry["cells"] = sum(line["kind"] == "measure" for line in lines)

    alter(folder, mend)
    entry = read_entry(folder)
    alter(folder, lambda content: content.update(figures=figures(run_of(entry, folder))))


def score(lines, victim, threat="clean"):
    """Return the first scores of a codec, to be altered."""
    found = (one for one in lines if one.get("victim") == victim and one["threat"] == threat)
    return next(found)["scores"]


def audited(folder):
    """Return what is found wrong with an entry alone."""
    return named(audit_entry(folder, Path()))
