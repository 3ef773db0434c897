"""`bench compare`: a few codecs at equal rates on your own pictures, answered on one page."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import ConfigError
from leaderboard.commands.arguments import add_own_pictures, own_pictures

if TYPE_CHECKING:
    from bench.utils.yaml_config import SettingsT
    from leaderboard.compare.matched_rates import RatedPoint
    from leaderboard.compare.request import Request

HELP = "compare codecs at equal rates on your pictures, and say what an attack costs each"
EXAMPLE = (
    "bench compare --codec bmshj2018-hyperprior checkpoint=bmshj2018-hyperprior-small-q4"
    " --codec vvc --codec avif --pictures photos"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--codec",
        nargs="+",
        action="append",
        required=True,
        metavar=("NAME", "KEY=VALUE"),
        dest="codecs",
        help="a codec as in a suite, twice at least; without its quality, its rate is matched to"
        " the first codec that has one; of a list of values the nearest rate is used",
    )
    add_own_pictures(parser, "256x256")
    parser.add_argument(
        "--budget",
        default="linf=4",
        metavar="KIND=SIZE",
        help="linf or l2 (8-bit levels), mse (of [0, 1]), ssim, haarpsi or cvvdp; linf=4 by"
        " default",
    )
    parser.add_argument("--rate", type=float, metavar="BPP", help="match all codecs to this rate")
    parser.add_argument("--plugin", action="append", default=[], help="a file or module of codecs")
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("runs/comparison"), help="folder (runs/comparison)"
    )


def run(arguments: argparse.Namespace) -> None:
    """Match the rates, run both suites, and write and print the page.

    Raises:
        BenchError: a name or value is not valid, or a picture cannot be read or coded.
    """
    from bench.cli.output import say_now
    from bench.registry import plugins
    from leaderboard.compare.request import matched, suites

    for plugin in arguments.plugin:
        plugins.load(plugin, Path())
    request = _request(arguments)
    out = arguments.out.absolute()
    say_now("matching the rates of the codecs")
    points = matched(request, lambda point: say_now(f"{point.codec}: {point.rate:.3f} bpp"))
    for name, suite in suites(request, [point.codec for point in points]).items():
        _run(suite, out / name, is_timed=name == "attacks")
    _report(out, points)


def _request(arguments: argparse.Namespace) -> Request:
    from bench.cli.key_values import parse_params
    from bench.images.image_set import ImageSpec
    from bench.suite.fields import BudgetSpec
    from leaderboard.compare.request import Request

    if len(arguments.codecs) < 2:
        raise ConfigError("a comparison needs two codecs at least; add another --codec")
    if arguments.rate is not None and not 0 < arguments.rate < float("inf"):
        raise ConfigError("--rate is a number of bits per pixel above 0")
    return Request(
        codecs=tuple(
            _labelled({"name": name, **dict(parse_params(rest))})
            for name, *rest in arguments.codecs
        ),
        images=_checked(own_pictures(arguments), ImageSpec),
        budget=_checked(dict(parse_params([arguments.budget])), BudgetSpec),
        rate=arguments.rate,
        plugins=tuple(arguments.plugin),
    )


def _labelled(item: dict[str, Any]) -> dict[str, Any]:
    """Give a bundled model the name of its checkpoint as label, which is shorter than its own."""
    from bench.utils.yaml_config import as_list

    checkpoints = map(str, as_list(item.get("checkpoint", "/")))
    is_bundled = all("/" not in one for one in checkpoints)
    return {"label": "{checkpoint}", **item} if is_bundled else item


def _checked(values: dict[str, Any], model: type[SettingsT]) -> SettingsT:
    import yaml

    from bench.utils.yaml_config import parse

    return parse(yaml.safe_dump(values), "the command line", model)


def _run(suite: dict[str, Any], folder: Path, *, is_timed: bool) -> None:
    """Write a suite beside its run folder, run it, and time its codecs if the page shows it."""
    from contextlib import closing

    import yaml

    from bench.cli.run import run_into
    from bench.engine.executors import Options, executor
    from bench.engine.runner import prepare
    from bench.isolation.coder_pool import CoderPool
    from bench.suite.suite import Suite
    from bench.utils.yaml_config import parse
    from leaderboard.render.files import write_file

    text = yaml.safe_dump(suite, sort_keys=False, allow_unicode=True)
    parsed = parse(text, "the command line", Suite)
    folder.parent.mkdir(parents=True, exist_ok=True)
    write_file(folder.with_suffix(".yaml"), text.encode())
    prepared = prepare(parsed, Path())
    with closing(CoderPool(parsed.compute.threads)) as pool:
        run_into(prepared, folder, executor("auto", Options()), pool if is_timed else None)


def _report(out: Path, points: Sequence[RatedPoint]) -> None:
    from bench.cli.output import say
    from bench.utils.terminal import terminal
    from leaderboard.commands.boards import read_board, show_section
    from leaderboard.compare.page import name_of_plot, page, sections
    from leaderboard.compare.plot import rate_and_psnr
    from leaderboard.formatting import code, escaped
    from leaderboard.render.files import write_file

    found = sections(read_board([out / "attacks"]), read_board([out / "generations"]))
    names = [name_of_plot("comparison", number) for number, _ in enumerate(found, 1)]
    for section, name in zip(found, names, strict=True):
        write_file(out / name, rate_and_psnr(section.lines, section.heading))
        show_section(section, terminal())
    rates = ", ".join(f"{escaped(str(point.codec))} at {point.rate:.3f} bpp" for point in points)
    notes = [
        f"Command: {code(shlex.join(['bench', *sys.argv[1:]]))}.",
        f"Matched rates: {rates}.",
        "All tables, records and adversarial pictures: `attacks/` and `generations/`;"
        " `bench leaderboard attacks -o page.md` writes every figure.",
    ]
    title = " and ".join(str(point.codec) for point in points)
    write_file(out / "comparison.md", page(title, found, names, notes).encode())
    say(f"wrote {out / 'comparison.md'}")
