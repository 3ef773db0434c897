"""What a run attacked and how, and with what it was made. Markdown, with foreign text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import PurePath

from bench.registry.component_spec import ComponentSpec
from leaderboard.aggregate.suite_info import SuiteInfo
from leaderboard.formatting import escaped
from leaderboard.ranking.board import BoardRun

_LISTED = 8

_SEARCHED = (
    "the codecs whose gradients or answers the searches used, several at once where they are joined"
)

_OBJECTIVES = {
    "distortion": "largest error of the reconstruction",
    "ms-ssim": "lowest MS-SSIM of the reconstruction",
    "haarpsi": "lowest HaarPSI of the reconstruction",
    "rate": "highest rate",
    "hyper-rate": "highest rate of the hyper-latent",
    "rd": "highest R-D cost",
    "rate-at-quality": "highest rate at the clean quality",
    "distortion-at-rate": "largest error at no more than the clean rate",
    "collision": "another picture with the same bytes",
    "target": "a reconstruction that shows another picture",
}

_TRANSFER = {
    "none": "no adversarial picture is scored on a codec other than its source.",
    "gradient-free": "an adversarial picture that was found on {others} is scored on the codecs"
    " without gradients (transfer). This is a weaker attack: their rows are not"
    " comparable with rows of codecs attacked through their own gradients.",
    "all": "an adversarial picture that was found on {any} is scored on all others too"
    " (transfer). It counts in the worst case of codecs attacked through their own gradients. Alone"
    " it is a weaker attack: rows of codecs without gradients are not comparable with rows of"
    " codecs attacked through their own.",
}


def settings(part: BoardRun) -> list[str]:
    """Return what was attacked and how, one paragraph each."""
    suite = part.suite
    about = [f"**About:** {escaped(suite.description)}"] if suite.description else []
    return [
        *about,
        f"**Pictures:** {_pictures(part)}",
        f"**Codecs:** {_joined(part.manifest.codecs)}.",
        f"**Attacks:** {_attacks(part)}",
        *_sources(part),
        *_arithmetic(part),
        f"**Objectives** of the attacks: {'; '.join(_objectives(part))}.",
        f"**Transfer:** {_transfer(suite)}",
        *_metrics(part),
        f"**R-D cost:** J = bpp + λ·255²·MSE with λ = {suite.rd_lambda:g} and MSE of pictures in"
        " [0, 1].",
    ]


def objective_in_words(label: str) -> str:
    """Return what an objective means; the label if it is not a built-in one."""
    return _OBJECTIVES.get(label, label)


def brief(part: BoardRun) -> str:
    """Return what was attacked in a line; plain text."""
    suite = part.suite
    noises = _noises(part)
    others = {*noises, *part.corruptions}
    attacks = ", ".join(x for x in map(str, suite.all_attacks) if x not in others) or "nothing"
    noise = f", and noise ({', '.join(noises)})" if noises else ""
    objectives = ", ".join(map(_objective, chain.from_iterable(suite.objectives)))
    description = f"{suite.description.strip().rstrip('.')}. " if suite.description else ""
    count = len(part.manifest.pictures)
    return (
        f"{description}{count} picture{'s' * (count != 1)}; attacks: {attacks}{noise}; objectives:"
        f" {objectives}."
    )


def made_with(part: BoardRun) -> list[str]:
    """Return the versions and the machine of a run, and how to reproduce it."""
    manifest = part.manifest
    return [
        f"Versions: {_pairs(manifest.versions)}.",
        f"Machine: {_pairs(manifest.machine)}.",
        f"Started {escaped(manifest.started)}, seed {part.suite.seed}; hash of the suite"
        f" {escaped(manifest.suite_sha256[:12])}, of its jobs"
        f" {escaped(manifest.plan_sha256[:12])}.",
        *(f"Codec {escaped(codec)}: {escaped(mark)}." for codec, mark in manifest.codecs.items()),
        "To reproduce: `bench run` with the suite's file or bundled name. The whole suite is in"
        " `manifest.json` of the run folder, and in `entry.json` of a published entry.",
    ]


def _pictures(part: BoardRun) -> str:
    images = part.suite.images
    names = list(part.manifest.pictures)
    source = _sets([PurePath(name).name for name in images.sets])
    crop = "" if images.crop is None else f", cropped to {escaped(str(images.crop))}"
    notes = (f" {escaped(name)}: {escaped(note)}." for name, note in part.manifest.notes.items())
    return f"{len(names)}{source} ({_joined(names)}){crop}.{''.join(notes)}"


def _sets(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f" of the set{'s' if len(names) > 1 else ''} {_joined(names)}"


def _transfer(suite: SuiteInfo) -> str:
    """Return which pictures are scored on codecs other than their source."""
    chosen = f"one of {_joined(suite.transfer_from)}" if suite.transfer_from else ""
    rule = _TRANSFER[suite.transfer].format(
        others=chosen or "one of the other codecs", any=chosen or "one codec"
    )
    kept = [str(one) for one in suite.all_attacks if one.transfer == "none" != suite.transfer]
    return f"{rule} Pictures of {_joined(kept)} are scored on their source only." if kept else rule


def _attacks(part: BoardRun) -> str:
    noises = _noises(part)
    others = {*noises, *part.corruptions}
    choices = chain.from_iterable(part.suite.attacks)
    attacks = [_attack(part, choice) for choice in choices if str(choice) not in others]
    noise = f" Noise (codec-independent): {_joined(noises)}." if noises else ""
    return f"{'; '.join(attacks) or 'none'}.{noise}"


def _noises(part: BoardRun) -> list[str]:
    """Return the attacks that are independent of any codec."""
    found = dict.fromkeys(craft.attack for craft in part.crafts if not craft.sources)
    return [label for label in found if label not in part.corruptions]


def _attack(part: BoardRun, choice: ComponentSpec) -> str:
    """Return an attack with the parameters that its label hides, and what it computed."""
    label, definition = str(choice), str(replace(choice, label=""))
    crafts = [craft for craft in part.crafts if craft.attack == label]
    each = "picture" if choice.starts == 1 else "start"
    details = [
        *([definition] if label != definition else []),
        *_starts(choice),
        *_spent((craft.gradients for craft in crafts), "gradient", "gradients", each),
        *_spent((craft.queries for craft in crafts), "query", "queries", each),
    ]
    return escaped(label) + (f" ({escaped(', '.join(details))})" if details else "")


def _starts(choice: ComponentSpec) -> Iterator[str]:
    """Yield the number of searches for each picture that differ only in their random numbers."""
    if choice.starts > 1:
        yield f"{choice.starts} starts a picture"


def _spent(counts: Iterable[int], singular: str, plural: str, each: str) -> Iterator[str]:
    """Yield the largest count of a search, if it is not zero."""
    most = max(counts, default=0)
    if most:
        yield f"{most} {singular if most == 1 else plural} a {each}"


def _sources(part: BoardRun) -> Iterator[str]:
    """Yield the sources of the searches, if they are not each codec by itself."""
    if part.suite.sources:
        yield f"**Sources**, {_SEARCHED}: {_searched_on(part.suite.sources)}."
    for attack in (one for one in part.suite.all_attacks if one.sources):
        yield f"**Sources of {escaped(str(attack))}**, {_SEARCHED}: {_searched_on(attack.sources)}."


def _searched_on(sources: Sequence[str | Sequence[str]]) -> str:
    groups = ([one] if isinstance(one, str) else one for one in sources)
    return "; ".join(" and ".join(map(escaped, labels)) for labels in groups)


def _arithmetic(part: BoardRun) -> Iterator[str]:
    """Yield the arithmetic of the searches, if it is not plain float32."""
    compute = part.suite.compute
    lowered = [f"in {compute.precision}"] if compute.precision != "float32" else []
    details = ", ".join([*lowered, *["compiled"] * compute.compile])
    if details:
        yield (
            f"**Searches** followed gradients of nets {details}; everything is scored in float32."
        )


def _objectives(part: BoardRun) -> Iterator[str]:
    for choice in chain.from_iterable(part.suite.objectives):
        yield escaped(_objective(choice))


def _objective(choice: ComponentSpec) -> str:
    meaning = _OBJECTIVES.get(choice.name, "")
    return f"{choice}{meaning and f' ({meaning})'}"


def _metrics(part: BoardRun) -> Iterator[str]:
    """Yield the metrics that the suite names, if any."""
    if part.suite.metrics:
        metrics = _joined(map(str, chain.from_iterable(part.suite.metrics)))
        yield f"**Metrics** in addition to the built-in ones: {metrics}."


def _joined(names: Iterable[str]) -> str:
    listed = [escaped(name) for name in names]
    more = len(listed) - _LISTED
    return ", ".join(listed[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _pairs(mapping: Mapping[str, str]) -> str:
    return ", ".join(f"{escaped(key)} {escaped(value)}" for key, value in mapping.items())
