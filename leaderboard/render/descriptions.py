"""What a run attacked, how and with which budget. Markdown, with foreign text escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import PurePath

from bench.budget import Budget, Linf, Mse, Region, Unlimited
from bench.floors.floor import Floor
from bench.metrics.scores import psnr_of
from bench.registry.component_spec import ComponentSpec
from leaderboard.columns.terms import threat_text
from leaderboard.formatting import decibel, escaped, plain
from leaderboard.ranking.board import Board, BoardRun, Table
from leaderboard.ranking.comparison import Comparison
from leaderboard.ranking.ranking import ALL, Order, Ranking

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

_FLOORS = {"ssim": ("SSIM", ""), "haarpsi": ("HaarPSI", ""), "cvvdp": ("ColorVideoVDP", " JOD")}
"""The name of the metric of a floor, and its unit."""

_TRANSFER = {
    "none": "no adversarial picture is scored on a codec other than its source.",
    "gradient-free": "every adversarial picture that was found on one of the other codecs is scored"
    " on the codecs without gradients (transfer). This is a weaker attack: their rows are not"
    " comparable with rows of codecs attacked through their own gradients.",
    "all": "every adversarial picture that was found on one codec is scored on all others too"
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
        f"**Transfer:** {_TRANSFER[suite.transfer]}",
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


def budgets(board: Board) -> str:
    """Return what each budget allows, one sentence per budget."""
    return " ".join(f"{heading(one)}: {allowed(one)}." for one in board.budgets)


def where(board: Board, one: Table | Comparison) -> str:
    """Return the budget of a table, and its runs if the board has several suites."""
    runs = f"{', '.join(one.runs)}, " if board.has_suites else ""
    return f"{runs}budget {heading(one.budget)}"


def unit(ranking: Ranking) -> str:
    """Return the lambda of a ranking and the unit of its R-D costs; plain text."""
    if ranking.baseline is None:
        return f"At λ = {ranking.lmbda:g}. ×1.00 is one bit per pixel, as there is no VVC."
    return f"At λ = {ranking.lmbda:g}. ×1.00 is the clean R-D cost of {plain(ranking.baseline)}."


def leader(ranking: Ranking, order: Order) -> str:
    """Return the codecs of the first rank, the lowest figure first; empty if none is ranked."""
    names = [
        f"{line.family.name}{' (≥)' * bool(order.position(line).doubts)}"
        for line in ranking.first(order)
    ]
    return f"{names[0]}, tied with {', '.join(names[1:])}" if len(names) > 1 else "".join(names)


def counted(ranking: Ranking) -> str:
    """Return which attacks count in a list of all codecs, as a sentence after a space."""
    if ranking.scope is not ALL:
        return ""
    threats = " and ".join(map(threat_text, ranking.kinds))
    return f" Attacks that count: {threats}, which were scored on all codecs."


def heading(budget: Budget) -> str:
    """Return a short and unique name of a budget."""
    size = str(replace(budget, region=None))
    return size if budget.region is None else f"{size} in {_place(budget.region)}"


def allowed(budget: Budget) -> str:
    """Return which adversarial pictures a budget allows."""
    region = "" if budget.region is None else _region(budget.region)
    return f"{_limit(budget)}{_least_psnr(budget)}{region}"


def _limit(budget: Budget) -> str:
    """Return the largest perturbation that a budget allows."""
    if isinstance(budget, Floor):
        cap = "" if budget.cap is None else f", and {_limit(Linf(budget.cap))}"
        name, unit = _FLOORS[budget.kind]
        return f"the {name} to the source picture is at least {budget.floor:.12g}{unit}{cap}"
    radius = f"{budget.radius:g}"
    return {
        Unlimited: "every picture is allowed",
        Linf: f"no colour value of a pixel changes by more than {radius} of 255 levels",
        Mse: f"the mean squared perturbation is at most {radius} (of pictures in [0, 1])",
    }.get(type(budget), f"the L2 norm of the perturbation is at most {radius} levels")


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


def quick(board: Board) -> str:
    """Return the caveat of the cheap mode of `standard`, after a space; empty without it."""
    attacks = (str(one) for part in board.parts for one in part.suite.all_attacks)
    if not any(label.startswith("standard-") and " cheap: " in label for label in attacks):
        return ""
    return (
        " The cheap mode of `standard` makes few searches, with the gradients and queries listed"
        " under Attacks. The full mode uses several times as many and finds stronger attacks."
    )


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


def _place(region: Region) -> str:
    size = f"{region.height}x{region.width} pixels"
    return f"{size} at row {region.top}, column {region.left}"


def _region(region: Region) -> str:
    return f"; only the {_place(region)} may change (height x width, the first row is 0)"


def _least_psnr(budget: Budget) -> str:
    """Return the lowest PSNR of the perturbation, where it does not depend on the size."""
    error = {Linf: (budget.radius / 255) ** 2, Mse: budget.radius}.get(type(budget))
    if error is None:
        return ""
    return f" (PSNR of the perturbation at least {decibel(psnr_of(error))} dB)"
