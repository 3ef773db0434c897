"""Print the suite that compares `standard` with attacks of others, for `bench run`.

    python benchmarks/peers/suite.py > peers.yaml
    python benchmarks/peers/suite.py --tmla > peers-tmla.yaml
    python benchmarks/peers/suite.py --times 10 \\
        --only "adv-lib APGD" "torchattacks APGD" > peers-10.yaml
    python benchmarks/peers/suite.py --checkpoint FILE.pth.tar > peers-checkpoint.yaml

The suites of T-MLA and of --only lack `standard`, whose results are in the first one. Every label
ends with the number of gradients per objective that the attack may spend, from which
docs/scripts/comparison.py makes its groups.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

PLUGIN = Path(__file__).with_name("peer_attacks.py")
GRADIENTS = 100
"""Gradients per objective of the ensemble `standard` in its cheap mode, before extensions."""

PICTURES = tuple(f"kodim{number:02d}" for number in (1, 5, 8, 13, 15, 19, 21, 23))
"""The pictures that no attack was tuned on."""

MODELS = (
    ("bmshj2018-factorized", "bmshj2018-factorized-small-q4"),
    ("bmshj2018-hyperprior", "bmshj2018-hyperprior-small-q4"),
    ("mbt2018-mean", "mbt2018-mean-small-q4"),
)
BUDGETS = [{"linf": 4}, {"linf": 8}, {"linf": 16}, {"mse": 3.0e-4}]
OBJECTIVES = ["distortion", "rate", "rd"]

_LIBRARIES = (
    ("adv-lib APGD", "adv-lib-apgd"),
    ("adv-lib PGD", "adv-lib-pgd"),
    ("torchattacks APGD", "torchattacks-apgd"),
    ("torchattacks PGD", "torchattacks-pgd"),
    ("torchattacks MI-FGSM", "torchattacks-mifgsm"),
)
"""Title and name of each attack of another library."""

_ONE_AT_A_TIME = (("T-MLA", "tmla"),)
"""The same for an attack that takes one picture at a time, in a suite of its own."""

_PUBLISHED = (
    ("NIC I-FGSM 2/7", {"name": "ifgsm", "step_size": 0.2857}, 1.0),
    ("NIC PGD 1/7", {"name": "pgd", "step_size": 0.1429}, 1.0),
    ("NIC FTDA .15", {"name": "ftda", "lr": 0.15}, 3.0),
    ("NIC FTDA .007", {"name": "ftda", "lr": 0.007}, 2.0),
    ("NIC MADC .2", {"name": "madc", "step_size": 8.0}, 1.0),
    ("NIC MADC .03", {"name": "madc", "step_size": 1.2}, 1.0),
)
"""Title, settings as NIC-RobustBench publishes them (suites/nic-robustbench.yaml explains the
numbers) and steps per gradient: FTDA needs no gradient while it is outside the budget. The attacks
are the same algorithms of this repository."""


_TITLES = tuple(one[0] for one in (*_LIBRARIES, *_ONE_AT_A_TIME, *_PUBLISHED))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the suite."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--times", type=int, nargs="+", default=[1, 4], metavar="N")
    parser.add_argument("--checkpoint", help="attack this file of CompressAI's factorized q2 alone")
    parser.add_argument("--pictures", nargs="+", default=PICTURES, metavar="NAME")
    parser.add_argument("--side", type=int, default=64, help="of the centre crop, in pixels")
    parser.add_argument(
        "--unrounded",
        action="store_true",
        help="give the attacks of others the surrogate without rounding",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=_TITLES,
        metavar="TITLE",
        help="these attacks, without `standard`",
    )
    parser.add_argument("--tmla", action="store_true", help="only T-MLA, without batches")
    parser.add_argument("--kodak", help="the folder of the Kodak set, if it was downloaded before")
    parsed = parser.parse_args(arguments)
    yaml.safe_dump(suite(parsed), sys.stdout, sort_keys=False, allow_unicode=True)


def suite(parsed: argparse.Namespace) -> dict[str, Any]:
    """Return the suite."""
    models = [("bmshj2018-factorized", parsed.checkpoint)] if parsed.checkpoint else MODELS
    crop = {"height": parsed.side, "width": parsed.side}
    images = {"set": "kodak", "names": list(parsed.pictures), "crop": crop}
    return {
        "plugins": [str(PLUGIN)],
        "name": "peers",
        "description": "Our standard ensemble against attacks of others, in real bytes.",
        "images": images | ({"folder": parsed.kodak} if parsed.kodak else {}),
        "codecs": [
            {"name": name, "checkpoint": file, "label": Path(file).name.partition(".")[0]}
            for name, file in models
        ],
        "attacks": [*(() if parsed.tmla or parsed.only else ("standard",)), *_others(parsed)],
        "objectives": OBJECTIVES,
        "budgets": BUDGETS,
        "transfer": "none",
        "compute": {"threads": 1} | ({} if parsed.tmla else {"batch": len(parsed.pictures)}),
    }


def _others(parsed: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the attacks of others with each multiple of the ensemble's number of gradients."""
    libraries, published = (_ONE_AT_A_TIME, ()) if parsed.tmla else (_LIBRARIES, _PUBLISHED)
    wanted = parsed.only or _TITLES
    mark, surrogate = (" unrounded", {"rounding": "none"}) if parsed.unrounded else ("", {})
    for count in (GRADIENTS * factor for factor in parsed.times):
        for title, name in (one for one in libraries if one[0] in wanted):
            label = f"{title}{mark}, {count}"
            yield {"name": name, "gradients": count, "label": label} | surrogate
        for title, settings, steps in (one for one in published if one[0] in wanted):
            label = f"{title}{mark}, {count}"
            yield settings | {"steps": int(count * steps), "label": label} | surrogate


if __name__ == "__main__":
    main()
