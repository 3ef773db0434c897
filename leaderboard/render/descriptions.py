"""What a run attacked, and how strongly, in plain words. Markdown, foreign text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import PurePath

from bench.budget import Budget, Linf, Mse, Region
from bench.metrics.scores import psnr_of
from bench.registry.registry import ComponentSpec
from bench.ssim_budget import Ssim
from leaderboard.formatting import decibel, escaped
from leaderboard.ranking.board import Board, BoardRun, Table
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.ranking import ALL, Ranking

_LISTED = 8

_SEARCHED = "what was searched on, several at once where they are joined"

_WANTS = {
    "distortion": "the largest error of the decoded picture",
    "ms-ssim": "the least similar decoded picture",
    "rate": "the longest bitstream",
    "hyper-rate": "the most bits for the hyper-latent",
    "rd": "the largest R-D cost",
    "rate-at-quality": "the longest bitstream that decodes as well as before",
    "distortion-at-rate": "the largest error at no more bits than before",
    "target": "a decoded picture that shows another one",
}

_TRANSFER = {
    "none": "Pictures made against one codec are not given to any other.",
    "gradient-free": "Codecs without gradients are given every picture that was made against the"
    " others (transfer). That is a weaker attack: their rows are not to be compared with those of"
    " codecs attacked through their own gradients.",
    "all": "Every picture made against one codec is given to all the others too (transfer), and"
    " counts in the worst case of those attacked through their own gradients. Alone it is a weaker"
    " attack: rows of codecs without gradients are not to be compared with those of codecs"
    " attacked through their own.",
}


def settings(part: BoardRun) -> list[str]:
    """Return what was attacked and how, one paragraph each."""
    told = part.setting
    about = [f"**About:** {escaped(told.description)}"] if told.description else []
    return [
        *about,
        f"**Pictures:** {_pictures(part)}",
        f"**Codecs:** {_joined(part.manifest.codecs)}.",
        f"**Attacks:** {_attacks(part)}",
        *_sources(part),
        *_arithmetic(part),
        f"**Objectives**, what an attack wants: {'; '.join(_objectives(part))}.",
        f"**Transfer:** {_TRANSFER[told.transfer]}",
        *_metrics(part),
        f"**R-D cost:** bpp + λ·255²·MSE with λ = {told.rd_lambda:g}, MSE of pictures in [0, 1].",
    ]


def wanted(objective: str) -> str:
    """Return what an objective of some label is, in words; the label if it is not known."""
    return _WANTS.get(objective, objective)


def brief(part: BoardRun) -> str:
    """Return what was attacked in a line; plain text."""
    told = part.setting
    noises = _noises(part)
    searches = ", ".join(one for one in map(str, told.searches) if one not in noises) or "nothing"
    beside = f", and given noise ({', '.join(noises)})" if noises else ""
    wants = ", ".join(_want(choice) for choice in chain.from_iterable(told.objectives))
    description = f"{told.description.strip().rstrip('.')}. " if told.description else ""
    count = len(part.manifest.pictures)
    return (
        f"{description}{count} picture{'s' * (count != 1)}, attacked by {searches}{beside}; what"
        f" attacks want: {wants}."
    )


def budgets(board: Board) -> str:
    """Return how far pictures may change, one sentence a budget."""
    return " ".join(f"{heading(ball)}: {budget(ball)}." for ball in board.budgets)


def where(board: Board, one: Table | Comparison) -> str:
    """Return at which budget a table is, and of which runs if the board has several suites."""
    runs = f"{', '.join(one.runs)}, " if board.has_suites else ""
    return f"{runs}budget {heading(one.budget)}"


def counted(ranking: Ranking) -> str:
    """Return which attacks count in a list of all codecs, as a sentence with a space before it."""
    kinds = " and ".join(ranking.kinds)
    return f" Attacks that count: {kinds}, which all were given." if ranking.scope is ALL else ""


def heading(ball: Budget) -> str:
    """Return a budget in few words, apart from every other one."""
    size = str(replace(ball, region=None))
    return size if ball.region is None else f"{size} in {_place(ball.region)}"


def budget(ball: Budget) -> str:
    """Return what an attacked picture may be."""
    return f"{_most(ball)}{_least_psnr(ball)}{'' if ball.region is None else _region(ball.region)}"


def _most(ball: Budget) -> str:
    """Return how far a picture may be from its source."""
    if isinstance(ball, Ssim):
        cap = "" if ball.cap is None else f", and {_most(Linf(ball.cap))}"
        return f"its SSIM to the source is at least {1 - ball.radius:.12g}{cap}"
    return {
        Linf: f"no colour value of a pixel changes by more than {ball.radius:g} of 255 levels",
        Mse: f"the mean squared change is at most {ball.radius:g} (of pictures in [0, 1])",
    }.get(type(ball), f"the root of the summed squared changes is at most {ball.radius:g} levels")


def made_with(part: BoardRun) -> list[str]:
    """Return what computed a run's numbers and how to compute them again."""
    manifest = part.manifest
    return [
        f"Versions: {_pairs(manifest.versions)}.",
        f"Machine: {_pairs(manifest.machine)}.",
        f"Started {escaped(manifest.started)}, seed {part.setting.seed}; hash of the suite"
        f" {escaped(manifest.suite_sha256[:12])}, of its jobs"
        f" {escaped(manifest.plan_sha256[:12])}.",
        *(f"Codec {escaped(codec)}: {escaped(mark)}." for codec, mark in manifest.codecs.items()),
        "Again: `bench run` with the suite's file or bundled name (the whole suite is kept in"
        " `manifest.json` of the run folder, and in `entry.json` of a published entry).",
    ]


def _pictures(part: BoardRun) -> str:
    images = part.setting.images
    names = list(part.manifest.pictures)
    source = _sets([PurePath(name).name for name in images.sets])
    crop = "" if images.crop is None else f", cropped to {escaped(str(images.crop))}"
    notes = (f" {escaped(name)}: {escaped(note)}." for name, note in part.manifest.notes.items())
    return f"{len(names)}{source} ({_joined(names)}){crop}.{''.join(notes)}"


def _sets(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f" of the set{'s' if len(names) > 1 else ''} {_joined(names)}"


def _attacks(part: BoardRun) -> str:
    noises = _noises(part)
    choices = chain.from_iterable(part.setting.attacks)
    searches = [_attack(part, choice) for choice in choices if str(choice) not in noises]
    noise = f" Noise, which knows nothing of the codec: {_joined(noises)}." if noises else ""
    return f"{'; '.join(searches) or 'none'}.{noise}"


def _noises(part: BoardRun) -> list[str]:
    """Return the attacks that look at no codec."""
    return list(dict.fromkeys(craft.attack for craft in part.crafts if not craft.sources))


def _attack(part: BoardRun, choice: ComponentSpec) -> str:
    """Return an attack with its parameters, if its label hides them, and what it computed."""
    label, definition = str(choice), str(replace(choice, label=""))
    crafts = [craft for craft in part.crafts if craft.attack == label]
    told = [
        *([definition] if label != definition else []),
        *_spent((craft.gradients for craft in crafts), "gradient", "gradients"),
        *_spent((craft.queries for craft in crafts), "query", "queries"),
    ]
    return escaped(label) + (f" ({escaped(', '.join(told))})" if told else "")


def quick(board: Board) -> str:
    """Return what to know of an ensemble in its cheap mode, a space before it."""
    searches = (str(one) for part in board.parts for one in part.setting.searches)
    if not any(label.startswith("standard-") and " cheap: " in label for label in searches):
        return ""
    return (
        " `standard` in its cheap mode is quick and no bound: one start of each of its attacks,"
        " with as many gradients and queries as stand under Attacks; its full mode has several"
        " times as many, and finds more."
    )


def _spent(counts: Iterable[int], one: str, many: str) -> Iterator[str]:
    """Yield how many of something a picture took at most, if any."""
    most = max(counts, default=0)
    if most:
        yield f"{most} {one if most == 1 else many} a picture"


def _sources(part: BoardRun) -> Iterator[str]:
    """Yield what was searched on, if not every codec by itself."""
    if part.setting.sources:
        yield f"**Sources**, {_SEARCHED}: {_searched_on(part.setting.sources)}."
    for attack in (one for one in part.setting.searches if one.sources):
        yield f"**Sources of {escaped(str(attack))}**, {_SEARCHED}: {_searched_on(attack.sources)}."


def _searched_on(sources: Sequence[str | Sequence[str]]) -> str:
    named = ([one] if isinstance(one, str) else one for one in sources)
    return "; ".join(" and ".join(map(escaped, labels)) for labels in named)


def _arithmetic(part: BoardRun) -> Iterator[str]:
    """Yield how searches computed, if not in float32 and as torch does by itself."""
    how = part.setting.compute
    lowered = [f"in {how.precision}"] if how.precision != "float32" else []
    told = ", ".join([*lowered, *["compiled"] * how.compile])
    if told:
        yield f"**Searches** followed gradients of nets {told}; everything is scored in float32."


def _objectives(part: BoardRun) -> Iterator[str]:
    for choice in chain.from_iterable(part.setting.objectives):
        yield escaped(_want(choice))


def _want(choice: ComponentSpec) -> str:
    meaning = _WANTS.get(choice.name, "")
    return f"{choice}{meaning and f' ({meaning})'}"


def _metrics(part: BoardRun) -> Iterator[str]:
    """Yield what the suite scores besides, if anything."""
    if part.setting.metrics:
        named = _joined(map(str, chain.from_iterable(part.setting.metrics)))
        yield f"**Metrics** besides those of every board: {named}."


def _joined(names: Iterable[str]) -> str:
    listed = [escaped(name) for name in names]
    more = len(listed) - _LISTED
    return ", ".join(listed[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _pairs(mapping: Mapping[str, str]) -> str:
    return ", ".join(f"{escaped(key)} {escaped(value)}" for key, value in mapping.items())


def _place(region: Region) -> str:
    size = f"{region.height}x{region.width} pixels"
    return f"{size} at row {region.top}, column {region.left}"


def _region(region: Region) -> str:
    return f"; only the {_place(region)} may change (height x width, the first row is 0)"


def _least_psnr(ball: Budget) -> str:
    """Return the PSNR that the change itself cannot fall below, where the size does not matter."""
    error = {Linf: (ball.radius / 255) ** 2, Mse: ball.radius}.get(type(ball))
    if error is None:
        return ""
    return f" (PSNR of the change itself at least {decibel(psnr_of(error))} dB)"
