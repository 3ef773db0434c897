"""Write docs/defences.md: what each defence achieves against both attackers, from finished runs.

    python docs/scripts/defences.py runs/defences runs/defences-rate ...

Every defended codec is compared with the bare codec of the same run. A run without adaptive attacks
contributes BD-rates only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from statistics import fmean, median

from pages import DOCS, command, finished_run, run_folders, table, write_page

from bench.store.records import Scores
from bench.store.run_folder import Run
from leaderboard.aggregate.cases import CellGroup, cases
from leaderboard.aggregate.suite_info import setting
from leaderboard.aggregate.threats import GRADIENTS
from leaderboard.ranking.rd_curves import Point, bd_rate
from leaderboard.study.defences import (
    EFFECTIVE_SHARE,
    DefenceComparison,
    Verdict,
    damage_removed,
    defence_comparisons,
    other_weights,
)
from leaderboard.study.losses import LossUnderAttack, ScoreValue, clean_mean, rd_cost, worst_case

PAGE = DOCS / "defences.md"
INTRODUCTION = """\
# Defences

This page shows how much damage each defence removes: against a defence-unaware attack, whose
adversarial pictures are made against the bare codec, and against an adaptive attack, which searches
through the defence. `docs/scripts/defences.py` writes it from finished runs.

## Findings

These sentences were written by hand for the runs that the end of this page names.

- **No defence is effective everywhere.** None removes at least half of the damage at every budget
  for every objective, in any of the runs.
- **Smoothing helps against attacks on the rate only.** On the bundled codec (suite defences),
  resizing, Gaussian and median filters, VVC recoding, and the median filter with the random
  ensemble are effective against attacks on the rate at linf 4 and linf 8, and the bilateral filter
  at linf 4. They lower the PSNR of clean pictures, and none of them is effective against attacks on
  the distortion.
- **Two-way and JPEG 60 help only at the larger budget.** On the same codec they are effective
  against attacks on the distortion at linf 8, and two-way against attacks on the R-D cost, but not
  at linf 4. Random flip, random ensemble and self-ensemble remove 46 to 49 % of the damage in
  distortion there.
- **Stronger attacks weaken this result.** With APGD-60, eight draws and two of the pictures (suite
  defences-steps), no defence there removes half of the damage in J at linf 8: JPEG 60 removes 45 %,
  random flip 44 %. On the published checkpoint (suite defences-published) no defence is effective.
- **Some defences rely on secrecy.** Flip and turn by 90 remove more than half of the damage by the
  defence-unaware attack on the distortion, and at most 16 % of that by the adaptive attack.
- **Some do harm.** Unsharp masking adds to the damage of every attack. Noise removes nothing.
- **Adversarial training removes more than most defences and costs less.** It removes 43 to 59 % of
  the damage in distortion and in J at both budgets, and 13 to 27 % of the additional bits. The
  clean J stays the same, and coding takes no more steps.

## How to read the tables

J is the R-D cost bpp + lambda 255^2 MSE against the source picture, of real bitstreams; the
objective `rd` is J. On each picture the worst case by attacks with the objective counts: lowest
PSNR, most bits or largest J.

- **bare**: the bare codec under white-box attacks.
- **defence-unaware**: the defended codec on the adversarial pictures made against the bare codec.
- **adaptive**: the defended codec on adversarial pictures made through the defence. The search uses
  the defence's own gradient or the surrogate that `bench list defences` names, the mean over draws,
  and all choices that the defence has. The value is the mean over draws.
- **worst draw**: the adaptive attack, scored on the draw that is worst for the defender.
- **damage removed**: the share of the damage to the bare codec (in MSE, bits or J) that the
  defended codec does not have, for each attack. Above 100 % the defended codec under attack is
  better than the clean bare codec. Below 0 the defence increases the damage. The cost of the
  defence on clean pictures is part of this share.
- **damage remaining**: the damage to the defended codec from its own clean value, under the
  stronger of both attacks, as a share of the damage to the bare codec. A codec that is already bad
  on clean pictures has less left to lose.
- **adaptive weaker**: the number of pictures on which the defence-unaware attack is stronger than
  the adaptive one. There the search through the defence is too weak, and the larger damage counts.

A defence is **effective** if it removes at least {enough:.0%} of the damage by both attacks,
effective against the **defence-unaware only** if it does so against the defence-unaware attack
alone, and **ineffective** otherwise. The number in brackets is the share removed against the
stronger attack.

The tables "On clean pictures" compare with the bare codec; a randomised defence counts with its
first draw. **Bytes** are per picture, and **container bytes** are the part that the harness's
container needs to store the defence's choice. **Encoding** and **decoding** are ratios of the
median times over all pictures, adversarial ones included, on a machine with other load."""
ADVERSARIAL_TRAINING = """\
### Adversarial training

These codecs have no defence but other weights, and they are attacked with their own gradients. The
clean J is relative to that of the bare codec."""
SUMMARY = """\
### Summary

The damage removed against the defence-unaware and the adaptive attack; in brackets, the damage
remaining."""
CLEAN = (
    *("defence", "bytes", "container bytes", "bpp", "PSNR", "J", "BD-rate"),
    *("encoding", "decoding"),
)
ATTACKED = (
    *("defence", "budget", "objective", "bare", "defence-unaware", "adaptive", "worst draw"),
    *("damage removed, defence-unaware", "damage removed, adaptive", "damage remaining"),
    "adaptive weaker",
)
TRAINED = ("codec", "budget", "objective", "clean J", "bare", "this codec", "damage removed")
SHOWN: dict[str, tuple[str, ScoreValue]] = {
    "distortion": ("{:.2f} dB", lambda scores: scores.psnr_source),
    "rate": ("{:.3f} bpp", lambda scores: scores.bpp),
    "rd": ("J {:.3f}", rd_cost),
}
VERDICTS: tuple[Verdict, ...] = ("effective", "defence-unaware only", "ineffective")


def main() -> None:
    """Read the runs and write the page."""
    folders = run_folders(__doc__)
    runs = [finished_run(folder) for folder in folders]
    comparisons = [defence_comparisons(run) for run in runs]
    blocks = [INTRODUCTION.format(enough=EFFECTIVE_SHARE)]
    for run, compared in zip(runs, comparisons, strict=True):
        if any(defence.is_attacked for defence in compared):
            blocks += section(compared, run, comparisons)
    write_page(PAGE, [*blocks, command("defences.py", folders)])


def section(
    compared: Sequence[DefenceComparison],
    run: Run,
    all_runs: Sequence[Sequence[DefenceComparison]],
) -> Iterator[str]:
    """Yield the blocks of one run: verdicts, clean pictures and attacks.

    Args:
        compared: the defences of the run.
        run: the run.
        all_runs: the defences of every run, for BD-rates.
    """
    suite = run.manifest.suite
    yield f"## Suite {suite['name']}, lambda {suite['rd_lambda']:g}"
    yield _conditions(run)
    yield "\n".join((*verdicts(compared), f"- {_everywhere(compared)}"))
    yield from (SUMMARY, _summary_table(compared))
    yield "### On clean pictures"
    yield table(CLEAN, [_clean_line(defence, run, all_runs) for defence in compared])
    yield "### Under attack"
    yield table(ATTACKED, [_attacked_line(*case) for case in _cases(compared)], text_columns=3)
    if lines := list(_trained_lines(run, compared[0])):
        yield from (ADVERSARIAL_TRAINING, table(TRAINED, lines, text_columns=3))


def verdicts(compared: Sequence[DefenceComparison]) -> Iterator[str]:
    """Yield a line for each objective and budget: the verdict on every defence."""
    for objective, budget in product(compared[0].objectives, compared[0].defended):
        parts = []
        for verdict in VERDICTS:
            named = [
                f"{defence.name} ({min(defence.removed(budget, objective)):.0%})"
                for defence in compared
                if defence.verdict(budget, objective) == verdict
            ]
            parts.append(f"{verdict}: {', '.join(named) or 'none'}")
        yield f"- {objective}, {budget}: {'; '.join(parts)}."


def _cases(
    compared: Sequence[DefenceComparison],
) -> Iterator[tuple[DefenceComparison, str, str]]:
    """Yield every defence at every budget for every objective."""
    for defence in compared:
        for budget, objective in product(defence.defended, defence.objectives):
            yield defence, budget, objective


def _everywhere(compared: Sequence[DefenceComparison]) -> str:
    """Return which defences are effective in every case, and how often the search is too weak."""
    ineffective = {d.name for d, *case in _cases(compared) if d.verdict(*case) != "effective"}
    names = [defence.name for defence in compared if defence.name not in ineffective]
    weaker = [defence.weaker_adaptive(*case)[0] > 0 for defence, *case in _cases(compared)]
    return (
        f"Effective at every budget for every objective: {', '.join(names) or 'none'}. The adaptive"
        f" attack is the weaker one on some picture in {sum(weaker)} of {len(weaker)} rows."
    )


def _conditions(run: Run) -> str:
    """Return the pictures, attacks and draws of a run."""
    suite = run.manifest.suite
    crop = suite["images"]["crop"]
    size = f" of {crop['height']}x{crop['width']}" if crop else ""
    attacks = ", ".join(map(str, setting(run).all_attacks))
    return (
        f"{len(run.manifest.pictures)} pictures{size} (set {suite['images']['set']}); {attacks};"
        f" {suite['draws']} draws of every randomised defence."
    )


def _summary_table(compared: Sequence[DefenceComparison]) -> str:
    cases = list(product(compared[0].objectives, compared[0].defended))
    headers = ("defence", *(f"{objective}, {budget}" for objective, budget in cases))
    lines = [
        (defence.name, *(_summary(defence, budget, objective) for objective, budget in cases))
        for defence in compared
    ]
    return table(headers, lines)


def _summary(defence: DefenceComparison, budget: str, objective: str) -> str:
    unaware, adaptive = defence.removed(budget, objective)
    return f"{unaware:.0%}, {adaptive:.0%} ({defence.remaining(budget, objective):.0%})"


def _clean_line(
    defence: DefenceComparison, run: Run, all_runs: Sequence[Sequence[DefenceComparison]]
) -> tuple[str, ...]:
    budget = next(iter(defence.defended))
    bare, defended = defence.bare[budget], defence.defended[budget]
    times = zip(_seconds(run, defence.bare_name), _seconds(run, defence.name), strict=True)

    def more(value: ScoreValue) -> float:
        return clean_mean(defended, value) - clean_mean(bare, value)

    return (
        defence.name,
        f"{more(lambda scores: scores.bytes):+.1f}",
        f"{more(lambda scores: scores.header_bytes):+.0f}",
        f"{more(_bpp):+.4f}",
        f"{more(_psnr):+.2f} dB",
        *(_clean_cost_change(bare, defended), _bd_rate_text(defence.kind, all_runs)),
        *(f"x{after / before:.2f}" for before, after in times),
    )


def _bd_rate_text(kind: str, all_runs: Sequence[Sequence[DefenceComparison]]) -> str:
    """Return the BD-rate of a defence, from the run with the most quality settings."""
    alike = [[defence for defence in run if defence.kind == kind] for run in all_runs]
    qualities = max(alike, key=len, default=[])
    bare = _curve([defence.bare for defence in qualities])
    defended = _curve([defence.defended for defence in qualities])
    delta = bd_rate(bare, defended)
    return delta.reason if delta.value is None else f"{delta.value:+.1f} %"


def _curve(qualities: Sequence[Mapping[str, CellGroup]]) -> tuple[Point, ...]:
    groups = [next(iter(by_budget.values())) for by_budget in qualities]
    points = [Point("", clean_mean(group, _bpp), clean_mean(group, _psnr)) for group in groups]
    return tuple(sorted(points, key=lambda point: point.bpp))


def _attacked_line(defence: DefenceComparison, budget: str, objective: str) -> tuple[str, ...]:
    losses = defence.losses(budget, objective)
    weaker, pictures = defence.weaker_adaptive(budget, objective)
    return (
        *(defence.name, budget, objective, *map(_mean_text, losses), _worst_draw_text(losses[-1])),
        *(f"{share:.0%}" for share in defence.removed(budget, objective)),
        f"{defence.remaining(budget, objective):.0%}",
        f"{weaker}/{pictures}" if weaker else "",
    )


def _trained_lines(run: Run, defence: DefenceComparison) -> Iterator[tuple[str, ...]]:
    """Yield the lines of codecs with other weights, next to the bare codec of a defence."""
    groups = cases(run, setting(run))
    for label in other_weights(run):
        for (budget, bare), objective in product(defence.bare.items(), defence.objectives):
            trained = groups[label, budget]
            before, after = (worst_case(g, GRADIENTS, objective) for g in (bare, trained))
            yield (
                *(label, budget, objective, _clean_cost_change(bare, trained)),
                *(_mean_text(before), _mean_text(after), f"{damage_removed(bare, after):.0%}"),
            )


def _clean_cost_change(before: CellGroup, after: CellGroup) -> str:
    return f"{clean_mean(after, rd_cost) / clean_mean(before, rd_cost) - 1:+.1%}"


def _mean_text(loss: LossUnderAttack) -> str:
    unit, value = SHOWN[loss.objective]
    return unit.format(loss.average(value))


def _worst_draw_text(loss: LossUnderAttack) -> str:
    unit, value = SHOWN[loss.objective]
    return unit.format(fmean(value(scored.scores) for scored in loss.worst_draw.values()))


def _bpp(scores: Scores) -> float:
    return scores.bpp


def _psnr(scores: Scores) -> float:
    return scores.psnr_source


def _seconds(run: Run, label: str) -> tuple[float, float]:
    """Return the median seconds that a codec takes to encode and to decode a picture."""
    scored = [record for record in run.measures if (record.victim, record.status) == (label, "ok")]
    encoding = median(record.encode_seconds for record in scored)
    return encoding, median(record.decode_seconds for record in scored)


if __name__ == "__main__":
    main()
