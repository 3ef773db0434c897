"""`bench report`: the study of Sun et al. (arXiv 2401.10345) from finished runs, as one page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product
from pathlib import Path
from urllib.parse import quote

from bench.errors import BenchError
from bench.store.run_folder import Run
from leaderboard.formatting import decibel, escaped, percent, rate
from leaderboard.render.markdown import bullets, table
from leaderboard.study import report_text as paper_words
from leaderboard.study.adversarial_training import WANTED, Pair, pairs
from leaderboard.study.classical_codecs import compared, levels
from leaderboard.study.effects import (
    TARGETS,
    AttackEffect,
    AttackGoal,
    Axis,
    averages,
    budgets,
    gathered,
    harms,
    own,
    steps_of,
    worst,
)
from leaderboard.study.noise_baseline import beside
from leaderboard.study.published_claims import CAVEAT, FALL, of_attacks, of_training, published
from leaderboard.study.report_figures import Panel, figure
from leaderboard.study.report_text import HARDENING
from leaderboard.study.trends import of_classical, of_methods, of_models, of_qualities, reservations


@dataclass(frozen=True)
class Section:
    """One axis of the study."""

    title: str
    header: str
    axis: Axis
    of_each: bool = False


SECTIONS = (
    Section("Attack method", "attack", lambda one: one.attack, of_each=True),
    Section("Model", "model", lambda one: one.model.family),
    Section("Quality", "operating point", lambda one: one.model.label),
)


def write_report(runs: Sequence[Run], out: Path) -> list[Path]:
    """Write the page and its figures; return their paths.

    Raises:
        BenchError: the file does not end in .md, nothing was attacked through its gradients, or it
            cannot be written.
    """
    if out.suffix != ".md":
        raise BenchError(f"{out} does not end in .md, which is what a report is written as")
    found = gathered(runs)
    if not own(found):
        raise BenchError("nothing in these runs was attacked through its own gradients")
    drawn = {
        f"{out.stem}-{name.replace(' ', '-')}.svg": figure(panels, budgets(runs))
        for name, panels in _panels(found)
    }
    page = "\n\n".join(_blocks(runs, found, list(drawn), out.name))
    try:
        out.write_text(page + "\n", encoding="utf-8")
        for name, content in drawn.items():
            (out.parent / name).write_bytes(content)
    except OSError as error:
        raise BenchError(f"cannot write {out}: {error.strerror}; choose another file") from error
    return [out, *(out.parent / name for name in drawn)]


def _panels(found: Sequence[AttackEffect]) -> Iterator[tuple[str, list[Panel]]]:
    """Yield what the figures show, those of the sections first, and that of the targets last."""
    for section in SECTIONS:
        measured = _measured(found, section)
        means = ((target, averages(measured, section.axis, target)) for target in TARGETS)
        yield section.header, [Panel(f"wanted: {t.objective}", t, mean) for t, mean in means]
    crossed = ((target, harms(_worst(found), _wanted, target)) for target in TARGETS)
    yield "target", [Panel(target.header, target, means) for target, means in crossed]


def _blocks(
    runs: Sequence[Run], found: Sequence[AttackEffect], drawn: Sequence[str], name: str
) -> Iterator[str]:
    labels = budgets(runs)
    yield paper_words.introduction(runs, found, name)
    yield "## The worst found"
    yield _extremes(found)
    hardened = [pair for run in runs for pair in pairs(run)]
    claims = (*of_attacks(found, labels), *of_training(hardened, found))
    yield bullets(map(escaped, claims))
    yield CAVEAT
    *of_sections, of_targets = drawn
    for section, picture in zip(SECTIONS, of_sections, strict=True):
        yield f"## {section.title}"
        for target in TARGETS:
            yield from _grid(_measured(found, section), section, target, labels)
        yield f"![{section.title}: harm against the budget]({quote(picture)})"
    yield "## Target"
    yield _crossed(found, labels)
    yield f"![Target: harm of each kind against the budget]({quote(of_targets)})"
    yield "## Beyond the change itself"
    yield beside(found, labels)
    yield bullets(escaped(told) for told in reservations(found))
    yield "## Trends"
    yield bullets(escaped(told) for told in _trends(runs, found, labels))
    yield "## H.266 and the other codecs without gradients"
    yield paper_words.classical(found)
    yield levels(found, labels)
    yield from compared(found, labels)
    yield from _training(hardened, labels)


def _training(hardened: Sequence[Pair], labels: Sequence[str]) -> Iterator[str]:
    """Yield the section on hardened models, where there are any."""
    if not hardened:
        return
    yield "## Adversarial training"
    lambdas = dict.fromkeys(f"{pair.lmbda:g}" for pair in hardened)
    yield HARDENING.format(lmbda=", ".join(lambdas))
    yield _hardened(hardened)
    yield _falls(hardened, labels)


def _measured(found: Sequence[AttackEffect], section: Section) -> list[AttackEffect]:
    """Return what a section averages: every attack for itself, or the worst of each picture."""
    return own(found) if section.of_each else _worst(found)


def _worst(found: Sequence[AttackEffect]) -> list[AttackEffect]:
    """Return the worst attack of each picture and budget, for each target that attacks wanted."""
    return [one for target in TARGETS for one in worst(own(found), target)]


def _wanted(one: AttackEffect) -> str:
    return f"wanted: {one.target}"


def _extremes(found: Sequence[AttackEffect]) -> str:
    """Return the worst of each target: what it was, and what was attacked how."""
    lines = []
    for target in TARGETS:
        seen = [(target.harm(one.scores), one) for one in own(found)]
        known = [(harm, one) for harm, one in seen if harm is not None]
        if not known:
            continue
        most, one = max(known, key=lambda pair: pair[0])
        scores = one.scores
        lines.append(
            (
                *(target.header, target.text(most), published(target)),
                *(one.model.label, one.attack, one.budget, one.picture),
                decibel(scores.psnr_perturbation),
                f"{decibel(scores.psnr_clean)} → {decibel(scores.psnr_source)}",
                f"{rate(scores.bpp_clean)} → {rate(scores.bpp)}",
            )
        )
    headers = ("target", "here", "in the paper", "model", "attack", "budget", "picture")
    more = ("attacked picture, dB", "decoded, dB", "bpp")
    return table((*headers, *more), [False, True, True, *[False] * 4, True, True, True], lines)


def _grid(
    measured: Sequence[AttackEffect], section: Section, target: AttackGoal, labels: Sequence[str]
) -> Iterator[str]:
    means = averages(measured, section.axis, target)
    rows = dict.fromkeys(who for who, _ in means)
    if not rows:
        return
    lines = [(who, *(_cell(means.get((who, budget)), target) for budget in labels)) for who in rows]
    yield f"Attacks that wanted {target.objective}: {target.header}"
    yield table((section.header, *labels), [False, *[True] * len(labels)], lines)


def _cell(estimate: object, target: AttackGoal) -> str:
    value = getattr(estimate, "mean", None)
    return "–" if value is None else target.text(value)


def _crossed(found: Sequence[AttackEffect], labels: Sequence[str]) -> str:
    """Return what attacks that wanted one thing did to the others, budget by budget."""
    means = [(target, harms(_worst(found), _wanted, target)) for target in TARGETS]
    told = dict.fromkeys(chain.from_iterable(mean for _, mean in means))
    lines = [
        (budget, wanted, *(_cell(mean.get((wanted, budget)), target) for target, mean in means))
        for wanted, budget in sorted(told, key=lambda at: labels.index(at[1]))
    ]
    headers = ("budget", "attacks", *(target.header for target in TARGETS))
    return table(headers, [False, False, True, True, True], lines)


def _trends(
    runs: Sequence[Run], found: Sequence[AttackEffect], labels: Sequence[str]
) -> Iterator[str]:
    yield from of_methods(found, steps_of(runs))
    yield from of_qualities(found)
    yield from of_models(found, labels)
    yield from of_classical(found)


def _hardened(twins: Sequence[Pair]) -> str:
    lines = []
    for pair in twins:
        measured = [at for at in product(pair.plain, WANTED) if pair.has(*at)]
        if not measured:
            continue
        where = max(measured, key=lambda at: pair.attacked(*at)[0].cost)
        before, after = pair.attacked(*where)
        shares = (share(*where) for share in (pair.fall, pair.ceiling, pair.faithful))
        lines.append(
            (
                *(pair.name, percent(100 * pair.dearer), ", ".join(where)),
                *(f"{before.cost:.3f}", f"{after.cost:.3f}"),
                *(percent(100 * share) for share in (*shares, FALL)),
            )
        )
    headers = ("model", "clean J, %", "at", "J plain", "J hardened", "fall, %", "ceiling, %")
    more = ("faithful, %", "the paper's fall, %")
    return table((*headers, *more), [False, True, False, *[True] * 6], lines)


def _falls(twins: Sequence[Pair], labels: Sequence[str]) -> str:
    """Return the share of the attacked cost that is gone, in per cent."""
    lines = [
        (pair.name, wanted, *(_fall(pair, budget, wanted) for budget in labels))
        for pair, wanted in product(twins, WANTED)
    ]
    return table(("model", "wanted", *labels), [False, False, *[True] * len(labels)], lines)


def _fall(pair: Pair, budget: str, wanted: str) -> str:
    has_both = budget in pair.plain and pair.has(budget, wanted)
    return percent(100 * pair.fall(budget, wanted)) if has_both else "–"
