"""`bench report`: the study of Sun et al. (arXiv 2401.10345) from finished runs, as one page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from urllib.parse import quote

from bench.errors import BenchError
from bench.store.run_folder import Run
from leaderboard.aggregate.suite_info import ensembles_of
from leaderboard.formatting import decibel, escaped, rate
from leaderboard.render.files import require_markdown, write_file
from leaderboard.render.markdown import bullets, table
from leaderboard.study.adversarial_training import HardenedPair, hardened_pairs
from leaderboard.study.attacks.optimality import optimalities, optimality_tables
from leaderboard.study.effects import (
    GOALS,
    AttackEffect,
    AttackGoal,
    Axis,
    Means,
    budget_labels,
    collect_effects,
    damage_text,
    gradients_per_attack,
    mean_damage,
    mean_damage_for_objective,
    white_box_on_plain,
    worst_per_picture,
)
from leaderboard.study.report import prose
from leaderboard.study.report.classical_codecs import damage_tables, psnr_table
from leaderboard.study.report.ensemble_section import ensemble_section
from leaderboard.study.report.figures import Panel, figure
from leaderboard.study.report.hardening_section import hardening_section
from leaderboard.study.report.noise_baseline import baseline_table
from leaderboard.study.report.published_claims import (
    CAVEAT,
    attack_claims,
    published_text,
    training_claims,
)
from leaderboard.study.report.trends import (
    caveats,
    classical_trends,
    method_trends,
    most_damaged_families,
    quality_trends,
)


@dataclass(frozen=True)
class Section:
    """One axis of the study.

    Attributes:
        title: the heading.
        header: title of the first column; it names the figure as well.
        axis: the row that an effect belongs to.
        every_attack: whether every attack counts, or only the worst one on each picture.
    """

    title: str
    header: str
    axis: Axis
    every_attack: bool = False


SECTIONS = (
    Section("Attack method", "attack", lambda effect: effect.attack, every_attack=True),
    Section("Model", "model", lambda effect: effect.model.family),
    Section("Quality", "operating point", lambda effect: effect.model.label),
)


@dataclass(frozen=True)
class _Report:
    """Everything that the sections of the page are made from.

    Attributes:
        runs: all runs.
        compared: those that means and trends compare: without ensembles, with pictures of the
            first run.
        others: those that have no picture of the first run.
        all_effects: the effects in all runs, for the largest damage.
        effects: those in `compared` on the pictures of the first run.
        ensembles: those of ensembles on the pictures of the first run.
        budgets: labels of the budgets of `compared`.
        pairs: hardened models.
    """

    runs: Sequence[Run]
    compared: Sequence[Run]
    others: Sequence[Run]
    all_effects: Sequence[AttackEffect]
    effects: Sequence[AttackEffect]
    ensembles: Sequence[AttackEffect]
    budgets: Sequence[str]
    pairs: Sequence[HardenedPair]


def write_report(runs: Sequence[Run], out: Path) -> list[Path]:
    """Write the page and its figures; return their paths.

    Pictures that the first run does not have count for the largest damage only. Means over
    different pictures would not compare. Runs of ensembles such as `standard` have a section of
    their own, unless the first run is one: they may attack fewer models than the others.

    Raises:
        BenchError: the file does not end in .md, the runs have no white-box attack, or the file
            cannot be written.
    """
    require_markdown(out)
    report = _collected(runs)
    if not white_box_on_plain(report.effects):
        raise BenchError(
            "these runs have no white-box attack on a plain codec; a report needs at least one"
        )
    figures = {
        f"{out.stem}-{name.replace(' ', '-')}.svg": figure(panels, report.budgets)
        for name, panels in _panels(report.effects)
    }
    blocks = _blocks(report, list(figures), out.name)
    return _write(out, "\n\n".join(blocks) + "\n", figures)


def _collected(runs: Sequence[Run]) -> _Report:
    pictures = runs[0].manifest.pictures
    others = [run for run in runs if set(pictures).isdisjoint(run.manifest.pictures)]
    of_ensembles = [] if ensembles_of(runs[0]) else list(filter(ensembles_of, runs))
    apart = {run.folder for run in (*others, *of_ensembles)}
    compared = [run for run in runs if run.folder not in apart]
    return _Report(
        runs=runs,
        compared=compared,
        others=others,
        all_effects=collect_effects(runs),
        effects=[one for one in collect_effects(compared) if one.picture in pictures],
        ensembles=[one for one in collect_effects(of_ensembles) if one.picture in pictures],
        budgets=budget_labels(compared),
        pairs=[pair for run in runs for pair in hardened_pairs(run)],
    )


def _write(out: Path, page: str, figures: dict[str, bytes]) -> list[Path]:
    for name, content in figures.items():
        write_file(out.parent / name, content)
    write_file(out, page.encode())
    return [out, *(out.parent / name for name in figures)]


def _panels(effects: Sequence[AttackEffect]) -> Iterator[tuple[str, list[Panel]]]:
    """Yield the name and the panels of each figure: of the sections, then of the objectives."""
    for section in SECTIONS:
        counted = _counted(effects, section)
        means = ((goal, mean_damage_for_objective(counted, section.axis, goal)) for goal in GOALS)
        yield section.header, [Panel(f"objective: {g.objective}", g, mean) for g, mean in means]
    yield "objective", [Panel(goal.header, goal, means) for goal, means in _by_objective(effects)]


def _blocks(report: _Report, figures: Sequence[str], name: str) -> Iterator[str]:
    yield prose.INTRODUCTION
    yield from _findings(report)
    yield "## Method"
    yield prose.method(report.effects)
    yield from _axes(report, figures)
    all_budgets = budget_labels(report.runs)
    yield from ensemble_section(report.effects, report.ensembles, all_budgets)
    yield "## Optimality of attacks"
    yield prose.OPTIMALITY
    yield from optimality_tables(optimalities(report.compared, report.effects))
    yield "## Excess over the perturbation and over noise"
    yield prose.BASELINE
    yield baseline_table(report.effects, report.budgets)
    yield bullets(map(escaped, caveats(report.effects)))
    yield "## Trends"
    yield bullets(map(escaped, _trends(report)))
    yield "## H.266 and other codecs without gradients"
    yield prose.classical(report.effects)
    yield psnr_table(report.effects, report.budgets)
    yield from damage_tables(report.effects, report.budgets)
    yield from hardening_section(report.pairs, all_budgets)
    yield "## Reproduce this page"
    yield prose.reproduction(report.runs, name)


def _findings(report: _Report) -> Iterator[str]:
    yield "## Largest damage and the paper's figures"
    yield _largest_damage(report.all_effects)
    claims = chain(
        attack_claims(report.all_effects, budget_labels(report.runs)),
        training_claims(report.pairs, report.effects),
        map(prose.other_pictures, report.others),
    )
    yield bullets(map(escaped, claims))
    yield CAVEAT


def _axes(report: _Report, figures: Sequence[str]) -> Iterator[str]:
    """Yield tables and a figure for each axis of the study."""
    *section_figures, objective_figure = figures
    for section, image in zip(SECTIONS, section_figures, strict=True):
        yield f"## {section.title}"
        for goal in GOALS:
            yield from _damage_table(report, section, goal)
        yield f"![{section.title}: damage by budget]({quote(image)})"
    yield "## Objective"
    yield _objective_table(report)
    yield f"![Objective: damage of each kind by budget]({quote(objective_figure)})"


def _counted(effects: Sequence[AttackEffect], section: Section) -> list[AttackEffect]:
    """Return the effects that a section averages."""
    return white_box_on_plain(effects) if section.every_attack else _worst(effects)


def _worst(effects: Sequence[AttackEffect]) -> list[AttackEffect]:
    """Return the worst attack on each picture at each budget, for each objective."""
    plain = white_box_on_plain(effects)
    return [effect for goal in GOALS for effect in worst_per_picture(plain, goal)]


def _by_objective(effects: Sequence[AttackEffect]) -> list[tuple[AttackGoal, Means]]:
    """Return the damage in the terms of each goal, by the objective of the attacks."""
    worst = _worst(effects)
    return [(goal, mean_damage(worst, lambda effect: effect.objective, goal)) for goal in GOALS]


def _largest_damage(effects: Sequence[AttackEffect]) -> str:
    """Return a table: the largest damage of each kind, next to the paper's figure."""
    plain = white_box_on_plain(effects)
    lines = []
    for goal in GOALS:
        damages = [(goal.damage(effect.scores), effect) for effect in plain]
        known = [(damage, effect) for damage, effect in damages if damage is not None]
        if known:
            damage, effect = max(known, key=lambda pair: pair[0])
            shown = (goal.header, goal.text(damage), published_text(goal))
            lines.append((*shown, *_effect_cells(effect)))
    headers = ("damage", "here", "in the paper", "model", "attack", "budget", "picture")
    more = ("adversarial picture, dB", "reconstruction, dB", "rate, bpp")
    return table((*headers, *more), [False, True, True, *[False] * 4, True, True, True], lines)


def _effect_cells(effect: AttackEffect) -> tuple[str, ...]:
    scores = effect.scores
    return (
        *(effect.model.label, effect.attack, effect.budget, effect.picture),
        decibel(scores.psnr_perturbation),
        f"{decibel(scores.psnr_clean)} → {decibel(scores.psnr_source)}",
        f"{rate(scores.bpp_clean)} → {rate(scores.bpp)}",
    )


def _damage_table(report: _Report, section: Section, goal: AttackGoal) -> Iterator[str]:
    means = mean_damage_for_objective(_counted(report.effects, section), section.axis, goal)
    lines = [
        (name, *(damage_text(means, name, budget, goal) for budget in report.budgets))
        for name in dict.fromkeys(name for name, _ in means)
    ]
    if lines:
        headers = (section.header, *report.budgets)
        yield f"Attacks with objective {goal.objective}: {goal.header}"
        yield table(headers, [False, *[True] * len(report.budgets)], lines)


def _objective_table(report: _Report) -> str:
    """Return the damage of every kind by attacks with each objective, by budget."""
    damages = _by_objective(report.effects)
    rows = dict.fromkeys(chain.from_iterable(means for _, means in damages))
    lines = [
        (budget, objective, *(damage_text(m, objective, budget, g) for g, m in damages))
        for objective, budget in sorted(rows, key=lambda row: report.budgets.index(row[1]))
    ]
    headers = ("budget", "objective", *(goal.header for goal in GOALS))
    return table(headers, [False, False, True, True, True], lines)


def _trends(report: _Report) -> Iterator[str]:
    yield from method_trends(report.effects, gradients_per_attack(report.compared))
    yield from quality_trends(report.effects)
    yield from most_damaged_families(report.effects, report.budgets)
    yield from classical_trends(report.effects)
