"""The prose of the report on the study of Sun et al., between its tables."""

from __future__ import annotations

from collections.abc import Sequence

from bench.store.run_folder import Run
from leaderboard.aggregate.suite_info import SuiteInfo, setting
from leaderboard.aggregate.threats import WITHOUT_GRADIENTS
from leaderboard.formatting import escaped, plain
from leaderboard.study.effects import AttackEffect, white_box_on_plain

INTRODUCTION = """\
# Attacks on learned codecs and adversarial training: a repetition of Sun et al. (2024)

This page repeats the study of Sun et al. (arXiv 2401.10345) with other codecs and compares the
results with the paper's figures. The paper compares attacks by method, model, quality and target.
It reports a PSNR drop of up to 61.55 % and bitstreams up to 19.15 times as long under PGD, and
adversarial training that removes 95.52 % of the R-D cost of the most vulnerable model."""

_METHOD = """\
The text of the paper that is available to us does not state the budgets, steps, losses or data,
nor which model is the most vulnerable one. These choices are ours. The learned codecs here are
{models}. suites/sun2024.yaml contains the six full-size architectures that the paper names, with
weights that CompressAI downloads. Other weights may be more or less robust.

Every figure is measured on real bitstreams that were decoded again, for 8-bit adversarial pictures
inside their budgets.

- **Objectives** of attacks are `distortion` (the MSE against the source picture), `rate` (bits per
  pixel) and `rd` (the R-D cost).
- **PSNR drop, %** is the drop of the PSNR against the source picture, in per cent of the clean
  PSNR.
- **Rate increase** and **R-D cost increase** are ratios to the values of the clean picture.
- Unless stated otherwise, a figure is for white-box attacks on plain models. It takes the worst
  attack on each picture with the objective of the table, and is the mean over models and pictures
  (the geometric mean for ratios). The section "Attack method" shows each attack by itself.
- There are few pictures. Differences in the last digit are ties."""

_REPRODUCE = """\
`bench report` writes this page from the records of `bench run`; the same records give the same
page:

    bench report {runs} -o {name}

{extents}"""

_CLASSICAL = """\
Learned codecs are attacked with their own gradients, the other codecs {attacks}. The second kind of
attack is weaker: the tables compare what is possible against each codec, not equal attacks.

The first table shows the mean PSNR in dB under the attack that is worst for each picture, next to
the clean rate and the clean PSNR. The other tables show the worst damage to each picture by attacks
with any objective; for learned codecs they average over the quality settings. The threat
`black-box` means queries to the codec itself."""

OPTIMALITY = """\
How near each attack comes to the best of all attacks, in per cent, as AttackBench defines it (arXiv
2404.19460): the area under the mean gain over pictures (PSNR drop in dB, bits per pixel, R-D cost)
against the radius of the budget, from 0 to the largest radius, divided by the same area for the
best attack on each picture at each radius. 0 is no attack; 100 is the best of all on every picture.
The column of an objective compares an attack with those that used at most 1.25 times its gradients
(its queries, if it uses no gradients); the column "overall" compares it with all attacks. Members
of an ensemble count together. Figures are means over models."""

BASELINE = """\
An attack shows a weakness of a codec only where its damage exceeds that of the perturbation itself
and that of noise with the same budget.

- **A codec that only keeps the perturbation** adds the MSE of the perturbation to its clean MSE.
- **Vulnerability index** is 10 log10 of the MSE between the reconstructions of the source and the
  adversarial picture, divided by the MSE of the perturbation.
- **Pictures with amplified error** have an MSE against the source picture above that of a codec
  that only keeps the perturbation.

The first four rows are for attacks on the distortion."""

HARDENING = """\
A hardened model is an adversarially trained version of a plain model. docs/hardening.md describes
the training and measures each model with its own lambda and with more steps.

- **J** is the R-D cost bpp + lambda 255^2 MSE with lambda = {lmbda}, also for models trained with
  another lambda.
- **Reduction** is the share of the plain model's J under attack that hardening removes. A negative
  value means that the hardened model costs more than the plain one.
- **Ceiling** is the reduction of a codec that attacks do not affect, 1 - J_clean / J_attacked. The
  paper's 95.52 % is possible only where the ceiling is higher.
- **Faithful ceiling** is the reduction of a codec that codes the adversarial picture as well as the
  clean one, so that the perturbation adds to its error. A larger reduction would require the codec
  to remove the perturbation.
- **Reduction of J(input)** is the reduction if J is measured against the adversarial picture, the
  input of the codec, as some published code for adversarial training does. The paper does not say
  which of the two its figure is.

The first table shows each model at the budget and objective with the largest J of the plain model.
The second table shows the reduction, in per cent, at all budgets and objectives."""


def method(effects: Sequence[AttackEffect]) -> str:
    """Return which codecs were attacked and how figures are computed; markdown."""
    families = dict.fromkeys(effect.model.family for effect in white_box_on_plain(effects))
    return _METHOD.format(models=escaped(", ".join(families)))


def other_pictures(run: Run) -> str:
    """Return which pictures of a run count for the largest damage only, and what they are."""
    suite = setting(run)
    return (
        f"Only the figures above count the run {run.folder.name} ({_pictures(run, suite)}):"
        f" {suite.description}"
    )


def reproduction(runs: Sequence[Run], name: str) -> str:
    """Return the command that writes the page and the extent of each run; markdown."""
    return _REPRODUCE.format(
        runs=" ".join(plain(run.folder.as_posix()) for run in runs),
        name=plain(name),
        extents="\n".join(f"- {escaped(_extent(run))}" for run in runs),
    )


def classical(effects: Sequence[AttackEffect]) -> str:
    """Return how codecs with and without gradients were attacked; markdown."""
    others = [
        effect
        for effect in effects
        if not effect.model.learned and effect.threat in WITHOUT_GRADIENTS
    ]
    attacked = {effect.model.label for effect in white_box_on_plain(effects)}
    sources = dict.fromkeys(label for effect in others for label in effect.sources)
    surrogates = [label for label in sources if label in attacked]
    queried = dict.fromkeys(effect.budget for effect in others if effect.threat == "black-box")
    attacks = [f"by transfer from {', '.join(surrogates)}"] if surrogates else []
    attacks += [f"by queries (only at {' and '.join(queried)})"] if queried else []
    return _CLASSICAL.format(attacks=escaped(" and ".join(attacks)) or "only with noise")


def _extent(run: Run) -> str:
    suite, measured = setting(run), len(run.measures)
    unfinished = f"; unfinished: {measured} of {run.manifest.cells} evaluations"
    return (
        f"{run.folder.name}: {_pictures(run, suite)}; R-D cost bpp + {suite.rd_lambda:g} 255^2 MSE"
        f"{unfinished * (measured < run.manifest.cells)}"
    )


def _pictures(run: Run, suite: SuiteInfo) -> str:
    crop = "" if suite.images.crop is None else f" cropped to {suite.images.crop}"
    names = list(run.manifest.pictures)
    several = f"{len(names)} pictures ({', '.join(names)})"
    return f"{several if len(names) > 1 else f'picture {names[0]}'}{crop}"
