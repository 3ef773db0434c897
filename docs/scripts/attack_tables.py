"""The tables of docs/attacks.md, from the adversarial pictures of finished runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from statistics import fmean

from pages import table

from bench.store.records import CraftRecord, Scores
from bench.store.run_folder import Run
from leaderboard.aggregate.cases import measurements
from leaderboard.aggregate.suite_info import REFERENCE
from leaderboard.study.losses import OBJECTIVE_VALUES, objective_name

ENSEMBLE = "standard"
NOISE = "sign-noise"
STRENGTH_ORDER = ("apgd", "pgd", "ifgsm", "fgsm", NOISE)
"""Attacks by expected strength; each is compared with the next one."""

FORMATS = {"distortion": "{:.2f} dB", "rate": "{:.3f}"}
"""The objectives of the tables, and the format of their values."""


@dataclass(frozen=True)
class ScoredPicture:
    """One adversarial picture and its scores on one victim."""

    craft: CraftRecord
    victim: str
    threat: str
    scores: Scores

    @property
    def attack(self) -> str:
        """The label of the attack, the same for all members of the ensemble."""
        return ENSEMBLE if self.craft.attack.startswith(ENSEMBLE) else self.craft.attack

    @property
    def attack_name(self) -> str:
        """The attack without its parameters."""
        return self.attack.split()[0]

    @property
    def picture(self) -> str:
        """The name of the source picture."""
        return self.craft.picture

    @property
    def budget(self) -> str:
        """The label of the budget."""
        return self.craft.budget

    @property
    def search(self) -> tuple[str, str]:
        """The attack and the full label of its objective; the latter is empty for noise."""
        return self.attack, self.craft.objective or ""


def scored_pictures(run: Run) -> list[ScoredPicture]:
    """Return the adversarial pictures of a run, scored on the codecs under test."""
    victims = codecs(run)
    return [
        ScoredPicture(run.crafts[record.craft], record.victim, record.threat, record.scores)
        for record in measurements(run)
        if record.craft and record.scores and record.victim in victims
    ]


def codecs(run: Run) -> list[str]:
    """Return the labels of the codecs under test, without the lossless reference."""
    return [label for label in run.manifest.codecs if label != REFERENCE]


def budgets(pictures: Iterable[ScoredPicture]) -> list[str]:
    """Return the labels of the budgets in the order of the run."""
    return list(dict.fromkeys(picture.budget for picture in pictures))


def has_step_grid(pictures: Sequence[ScoredPicture]) -> bool:
    """Tell whether a run has APGD with several numbers of steps."""
    return len({p.attack for p in pictures if p.attack_name == "apgd"}) > 1


def strength_table(pictures: Sequence[ScoredPicture], budget: str) -> str:
    """Return the strength and the cost of every attack at one budget."""
    attacks = _by_attack(picture for picture in pictures if picture.budget == budget)
    headers = ("attack", "PSNR", "rate (bpp)", "input PSNR", "gradients", "queries", "seconds")
    return table(headers, [_strength_line(name, group) for name, group in attacks.items()])


def relative_table(pictures: Sequence[ScoredPicture]) -> str:
    """Return the PSNR drop in per cent and the rate increase as a ratio, for one picture."""
    lines = []
    for name, group in _by_attack(pictures).items():
        (distortion,) = _worst_by_picture(group, "distortion").values()
        (rate,) = _worst_by_picture(group, "rate").values()
        drop = distortion.scores.drop_percent
        drop_text = "–" if drop is None else f"{drop:.2f} %"
        lines.append((name, drop_text, f"{rate.scores.bpp_factor:.3f}"))
    return table(("attack", "PSNR drop", "rate increase (ratio)"), lines)


def pairwise_table(pictures: Sequence[ScoredPicture]) -> str:
    """Return on how many pictures each attack is at least as strong as the next weaker one."""

    def cell(first: str, second: str, objective: str, budget: str) -> str:
        gains = _gains(
            [p for p in pictures if p.budget == budget and p.attack_name == first],
            [p for p in pictures if p.budget == budget and p.attack_name == second],
            objective,
        )
        wins = sum(gain >= 0 for gain in gains.values())
        return f"{wins}/{len(gains)}, {fmean(gains.values()):+.3f}"

    labels = budgets(pictures)
    lines = [
        (
            f"{first} over {second}, {objective}",
            *(cell(first, second, objective, b) for b in labels),
        )
        for first, second in pairwise(STRENGTH_ORDER)
        for objective in FORMATS
    ]
    return table(("pair", *labels), lines)


def ensemble_table(pictures: Sequence[ScoredPicture]) -> str:
    """Return on how many pictures another attack is stronger than the ensemble."""
    labels = budgets(pictures)
    lines = [
        (objective, *(_stronger_than_ensemble(pictures, objective, budget) for budget in labels))
        for objective in FORMATS
    ]
    return table(("objective", *labels), lines)


def steps_table(pictures: Sequence[ScoredPicture]) -> str:
    """Return the strength of attacks by their number of steps."""
    rows: dict[tuple[str, str, str], dict[int, list[ScoredPicture]]] = defaultdict(dict)
    for picture in pictures:
        params = dict(part.split("=") for part in picture.attack.split()[1:])
        if picture.craft.objective and params:
            attack = f"{picture.attack_name}, restarts {params['restarts']}"
            row = rows[picture.victim, attack, picture.craft.objective]
            row.setdefault(int(params["steps"]), []).append(picture)
    steps = sorted({count for row in rows.values() for count in row})
    lines = [
        (*key, *(_mean_text(_worst_by_picture(row.get(n, []), key[2]), key[2]) for n in steps))
        for key, row in rows.items()
    ]
    return table(("model", "attack", "objective", *map(str, steps)), lines, text_columns=3)


def seeds_table(runs: Sequence[Sequence[ScoredPicture]]) -> str | None:
    """Return the differences between runs that only the seed distinguishes; None without any."""
    values: dict[tuple[str, str], dict[tuple[str, str], list[float]]] = {}
    for picture in chain(*runs):
        if picture.craft.objective:
            row = values.setdefault(picture.search, defaultdict(list))
            value = _value(picture.scores, picture.craft.objective)
            row[picture.victim, picture.picture].append(value)
    lines = [
        _seeds_line(*search, list(row.values()))
        for search, row in values.items()
        if all(len(repeated) > 1 for repeated in row.values())
    ]
    headers = ("attack", "objective", "searches", "mean difference", "largest difference")
    return table(headers, lines, text_columns=2) if lines else None


def query_table(pictures: Sequence[ScoredPicture], victim: str) -> str:
    """Return the strength of every attack on one victim, by attack and source."""
    scored = [picture for picture in pictures if picture.victim == victim]
    noise = [picture for picture in scored if picture.attack_name == NOISE]
    groups: dict[tuple[str, str], list[ScoredPicture]] = defaultdict(list)
    for picture in scored:
        groups[picture.attack, " + ".join(picture.craft.sources) or "none"].append(picture)
    lines = [_query_line(*key, group, noise) for key, group in groups.items()]
    headers = ("attack", "source", "PSNR", "stronger than noise", "rate (bpp)")
    more = ("stronger than noise", "queries")
    return table((*headers, *more), [_clean_line(noise), *lines], text_columns=2)


def _by_attack(pictures: Iterable[ScoredPicture]) -> dict[str, list[ScoredPicture]]:
    groups: dict[str, list[ScoredPicture]] = defaultdict(list)
    for picture in pictures:
        groups[picture.attack].append(picture)
    return groups


def _worst_by_picture(
    pictures: Iterable[ScoredPicture], objective: str
) -> dict[str, ScoredPicture]:
    """Return the strongest attack on each picture; noise counts for every objective."""
    value = OBJECTIVE_VALUES[objective]
    worst: dict[str, ScoredPicture] = {}
    for scored in pictures:
        if objective_name(scored.craft) in {"", objective}:
            known = worst.get(scored.picture)
            if known is None or value(scored.scores) > value(known.scores):
                worst[scored.picture] = scored
    return worst


def _value(scores: Scores, objective: str) -> float:
    return scores.psnr_source if objective == "distortion" else scores.bpp


def _mean_text(worst: Mapping[str, ScoredPicture], objective: str) -> str:
    if not worst:
        return "–"
    mean = fmean(_value(scored.scores, objective) for scored in worst.values())
    return FORMATS[objective].format(mean)


def _gains(
    stronger: Iterable[ScoredPicture], weaker: Iterable[ScoredPicture], objective: str
) -> dict[str, float]:
    """Return by picture how many dB less or bits per pixel more the first attacks reach."""
    first, second = (_worst_by_picture(group, objective) for group in (stronger, weaker))
    sign = -1 if objective == "distortion" else 1
    return {
        name: sign
        * (_value(first[name].scores, objective) - _value(second[name].scores, objective))
        for name in first
    }


def _strength_line(name: str, pictures: Sequence[ScoredPicture]) -> tuple[str, ...]:
    distortion = _worst_by_picture(pictures, "distortion")
    rate = _worst_by_picture(pictures, "rate")
    inputs = [scored.scores.psnr_perturbation for scored in distortion.values()]
    sources = len({scored.picture for scored in pictures})

    def spent(cost: Callable[[CraftRecord], float]) -> float:
        return sum(cost(scored.craft) for scored in pictures) / sources

    return (
        *(name, _mean_text(distortion, "distortion"), _mean_text(rate, "rate")),
        f"{fmean(inputs) if inputs else 0.0:.2f} dB",
        f"{spent(lambda craft: craft.gradients):.0f}",
        f"{spent(lambda craft: craft.queries):.0f}",
        f"{spent(lambda craft: craft.seconds):.1f}",
    )


def _stronger_than_ensemble(pictures: Sequence[ScoredPicture], objective: str, budget: str) -> str:
    at_budget = [picture for picture in pictures if picture.budget == budget]
    others = [picture for picture in at_budget if picture.attack != ENSEMBLE]
    ensemble = [picture for picture in at_budget if picture.attack == ENSEMBLE]
    gains = _gains(others, ensemble, objective)
    positive = sum(gain > 0 for gain in gains.values())
    if not positive:
        return f"0/{len(gains)}"
    name = max(gains, key=lambda picture: gains[picture])
    attack = _worst_by_picture(others, objective)[name].attack
    return f"{positive}/{len(gains)}, {gains[name]:.3f} ({attack})"


def _seeds_line(
    attack: str, objective: str, repeated: Sequence[Sequence[float]]
) -> tuple[str, ...]:
    spans = [max(values) - min(values) for values in repeated]
    mean, largest = map(FORMATS[objective].format, (fmean(spans), max(spans)))
    return attack, objective, str(len(repeated)), mean, largest


def _clean_line(pictures: Sequence[ScoredPicture]) -> tuple[str, ...]:
    psnr = fmean(picture.scores.psnr_clean for picture in pictures)
    bpp = fmean(picture.scores.bpp_clean for picture in pictures)
    psnr_text, bpp_text = FORMATS["distortion"].format(psnr), FORMATS["rate"].format(bpp)
    return "no attack", "–", psnr_text, "–", bpp_text, "–", "0"


def _query_line(
    attack: str, source: str, pictures: Sequence[ScoredPicture], noise: Sequence[ScoredPicture]
) -> tuple[str, ...]:
    cells = []
    for objective in FORMATS:
        gains = _gains(pictures, noise, objective)
        wins = sum(gain > 0 for gain in gains.values())
        mean = _mean_text(_worst_by_picture(pictures, objective), objective)
        cells += [mean, f"{wins}/{len(gains)}"]
    queries = max(picture.craft.queries for picture in pictures)
    return attack, source, *cells, str(queries)
