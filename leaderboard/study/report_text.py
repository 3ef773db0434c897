"""The sentences of the report on the study of Sun et al. that stand between its tables."""

from __future__ import annotations

from collections.abc import Sequence

from bench.store.run_folder import Run
from leaderboard.aggregate.suite_info import SuiteInfo, setting
from leaderboard.aggregate.threats import WITHOUT_GRADIENTS
from leaderboard.formatting import escaped, plain
from leaderboard.study.effects import AttackEffect, own

_INTRODUCTION = """\
# Attack and defence of learned codecs: the study of Sun et al. again

    bench report {runs} -o {name}

wrote this page from the records of `bench run` in these folders; the same records give the same
page. The study is arXiv 2401.10345. It compares attacks by method, model, quality and target, finds
PSNR down by 61.55 % or bitstreams 19.15 times as long under PGD, and that adversarial training
takes away 95.52 % of the R-D cost of the most vulnerable model. What we could read of it tells
neither budgets, steps, losses, data nor the worst model, so those here are ours.

{extents}

The learned codecs here are {models}. suites/sun2024.yaml has the six architectures that the study
names, at full size, with weights that CompressAI downloads: other weights may be easier or harder
to fool.

Every figure is of real bytes that were decoded again, of an 8-bit picture inside its budget. PSNR
is against the source picture, and "PSNR lost, %" the share of its decibels that is gone;
"bitstream" and "R-D cost" are multiples of those of the clean picture. Unless said otherwise a
figure is of plain models attacked through their own gradients, of the worst attack of each picture
that wanted the column's target, then the mean over models and pictures (geometric of multiples).
The pictures are few: take differences in the last digit for ties."""
_CLASSICAL = """\
The learned codecs are attacked through their own gradients, the others by {given}: a weaker attack,
so the comparison is of what can be done to each, not of like with like. The first table is of what
each delivers, the mean PSNR in dB of each picture under the attack that was worst for it; look at
the clean rates beside it. In the others is the worst of each picture whatever the attack wanted; of
learned codecs the mean of all qualities."""
HARDENING = """\
"Ceiling" is the fall that a codec untouched by attacks would have, 1 - J_clean / J_attacked: a fall
of 95.52 % can only be seen where it is higher. "Faithful" is that of one which codes the attacked
picture as well as the clean one, so that the change just adds to its error: to fall further a codec
would have to undo the change. J is bpp + lambda 255^2 MSE with lambda = {lmbda}, also for models
that were trained at another one. The first table has each model at the budget and target where the
plain one suffered most, the second the fall, in per cent, at all of them: below zero the twin costs
more than the plain model. docs/hardening.md tells what the twins were trained against, and measures
each at its own lambda and with more steps."""


def introduction(runs: Sequence[Run], found: Sequence[AttackEffect], name: str) -> str:
    """Return what the page is, of which records and on which terms; markdown."""
    families = dict.fromkeys(one.model.family for one in own(found))
    return _INTRODUCTION.format(
        runs=" ".join(plain(run.folder.as_posix()) for run in runs),
        name=plain(name),
        extents="\n".join(f"- {escaped(_extent(run))}" for run in runs),
        models=escaped(", ".join(families)),
    )


def classical(found: Sequence[AttackEffect]) -> str:
    """Return how codecs with and without gradients were attacked; markdown."""
    others = [one for one in found if not one.model.learned and one.threat in WITHOUT_GRADIENTS]
    sources = dict.fromkeys(label for one in others for label in one.sources)
    made_by = [label for label in sources if any(label == e.model.label for e in own(found))]
    queried = dict.fromkeys(one.budget for one in others if one.threat == "black-box")
    given = [f"pictures made against {', '.join(made_by)}"] if made_by else []
    given += [f"queries, at {' and '.join(queried)} alone"] if queried else []
    return _CLASSICAL.format(given=escaped(" and by ".join(given)) or "nothing but noise")


def _extent(run: Run) -> str:
    told, done = setting(run), len(run.measures)
    unfinished = f"; unfinished: {done} of {run.manifest.cells} cells"
    return (
        f"{run.folder.name}: {_pictures(run, told)}; R-D cost bpp + {told.rd_lambda:g} 255^2 MSE"
        f"{unfinished * (done < run.manifest.cells)}"
    )


def _pictures(run: Run, told: SuiteInfo) -> str:
    crop = "" if told.images.crop is None else f" cropped to {told.images.crop}"
    return f"{len(run.manifest.pictures)} pictures ({', '.join(run.manifest.pictures)}){crop}"
