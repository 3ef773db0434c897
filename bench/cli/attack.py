"""`bench attack`: attack one picture, and write what came of it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

    from bench.inspection.single_attack import AttackReport, AttackRequest
    from bench.registry.registry import Component
    from bench.store.records import Scores

HELP = "attack one picture; write both bitstreams, all pictures and a contact sheet"
EXAMPLE = "bench attack photo.png --codec bmshj2018-hyperprior quality=3 --budget linf=4"
_COMPONENT = ("NAME", "KEY=VALUE")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("picture", type=Path, metavar="PICTURE", help="a picture file")
    for name, default, text in (
        ("--codec", None, "the codec that is attacked and scored (the victim), as in a suite"),
        ("--attack", ["apgd"], "the attack (apgd by default)"),
        ("--objective", ["distortion"], "what it maximises (distortion by default)"),
        ("--source", None, "the codec whose gradients are used instead of the victim's own"),
    ):
        parser.add_argument(
            name,
            nargs="+",
            metavar=_COMPONENT,
            default=default,
            required=name == "--codec",
            help=text,
        )
    parser.add_argument(
        "--budget",
        default="linf=8",
        metavar="KIND=SIZE",
        help="linf or l2 (8-bit levels), mse (of [0, 1]) or ssim; linf=8 by default",
    )
    parser.add_argument(
        "--crop", metavar="HEIGHTxWIDTH", help="attack only a centre crop of this size"
    )
    parser.add_argument("-o", "--out", type=Path, help="folder (runs/attack-PICTURE by default)")


def run(arguments: argparse.Namespace) -> None:
    """Attack the picture, write what came of it, and print its scores.

    Raises:
        BenchError: something was misspelt, or could not be attacked or coded.
    """
    from bench.cli.output import say, say_now

    say_now(f"preparing an attack on {arguments.picture}")
    from bench.cli.progress import watch
    from bench.engine.executors import Options, executor
    from bench.engine.runner import describe, prepare
    from bench.inspection.single_attack import answer, write
    from bench.store.run_folder import open_run, read_run
    from bench.utils.terminal import terminal

    request = _request(arguments)
    folder = (arguments.out or Path("runs") / f"attack-{request.picture.stem}").absolute()
    prepared = prepare(request.suite(), Path())
    execute = executor("serial", Options())
    with open_run(folder, describe(prepared)) as store:
        watch(execute(prepared, store), prepared.plan, store, terminal())
    report = answer(request, read_run(folder))
    written = write(request, report, prepared, folder)
    terminal().print(_table(report))
    for flag in report.craft.flags:
        say(f"flag: {flag}")
    say(f"wrote {', '.join(path.name for path in written)} to {folder}")


def _request(arguments: argparse.Namespace) -> AttackRequest:
    from bench.cli.key_values import parse_component, parse_params
    from bench.inspection.single_attack import AttackRequest

    return AttackRequest(
        picture=arguments.picture,
        codec=_codec(arguments.codec),
        attack=parse_component(arguments.attack),
        objective=parse_component(arguments.objective),
        budget=dict(parse_params([arguments.budget])),
        source=None if arguments.source is None else _codec(arguments.source),
        crop=_crop(arguments.crop),
    )


def _codec(words: Sequence[str]) -> Component:
    """Return a codec as a suite would label it, with its defences."""
    from bench.cli.key_values import parse_params
    from bench.suite.fields import single

    try:
        return single("codec", {"name": words[0], **dict(parse_params(words[1:]))})
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _crop(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if match is None:
        raise ConfigError(f"a crop is written HEIGHTxWIDTH, such as 256x256, not '{text}'")
    return int(match[1]), int(match[2])


def _table(report: AttackReport) -> Table:
    from rich.table import Table

    table = Table(title=f"{report.craft.attack}, {report.craft.budget}", title_justify="left")
    for header in ("", "source", "noise", "attacked"):
        table.add_column(header, justify="left" if not header else "right")
    scores, noise = report.scores, report.noise
    table.add_row("bits per pixel", f"{scores.bpp_clean:.4f}", *_both(noise, scores, "bpp", ".4f"))
    for title, name in (
        ("PSNR against the source, dB", "psnr_source"),
        ("PSNR against its own input, dB", "psnr_input"),
    ):
        table.add_row(title, f"{scores.psnr_clean:.2f}", *_both(noise, scores, name, ".2f"))
    clean = scores.rd_cost / scores.rd_factor
    table.add_row("R-D cost", f"{clean:.4f}", *_both(noise, scores, "rd_cost", ".4f"))
    perturbation = _both(noise, scores, "psnr_perturbation", ".2f")
    table.add_row("PSNR of the input picture, dB", "inf", *perturbation)
    return table


def _both(noise: Scores | None, scores: Scores, name: str, form: str) -> tuple[str, str]:
    first = "" if noise is None else format(getattr(noise, name), form)
    return first, format(getattr(scores, name), form)
