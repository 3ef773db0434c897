"""`bench attack`: its arguments, and the table it prints."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.cli.key_values import parse_component, parse_params
from bench.cli.progress import watch
from bench.engine.runner import describe, execute, prepare
from bench.errors import ConfigError
from bench.inspection import single_attack as explore
from bench.inspection.single_attack import AttackReport, AttackRequest
from bench.registry.registry import ComponentSpec
from bench.store.records import Scores
from bench.store.run_folder import open_run, read_run
from bench.suite.fields import single

_CHOICE = ("NAME", "KEY=VALUE")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("picture", type=Path, metavar="PICTURE", help="a picture file")
    for name, default, told in (
        ("--codec", None, "the codec that is attacked and scored, as in a suite"),
        ("--attack", ["apgd"], "the search (apgd by default)"),
        ("--objective", ["distortion"], "what it wants (distortion by default)"),
        ("--source", None, "the codec whose gradients are followed instead of the victim's own"),
    ):
        parser.add_argument(
            name,
            nargs="+",
            metavar=_CHOICE,
            default=default,
            required=name == "--codec",
            help=told,
        )
    parser.add_argument("--budget", default="linf=8", metavar="KIND=SIZE", help="linf=8 by default")
    parser.add_argument("--crop", metavar="HEIGHTxWIDTH", help="use the middle of the picture only")
    parser.add_argument("-o", "--out", type=Path, help="folder (runs/attack-PICTURE by default)")


def attack(arguments: argparse.Namespace, console: Console) -> None:
    """Attack the picture, write what came of it, and print its scores.

    Raises:
        BenchError: something was misspelt, or could not be attacked or coded.
    """
    asked = _question(arguments)
    folder = arguments.out or Path("runs") / f"attack-{asked.picture.stem}"
    prepared = prepare(asked.suite(), Path())
    with open_run(folder, describe(prepared)) as store:
        watch(execute(prepared, store), prepared.plan, store, console)
    found = explore.answer(asked, read_run(folder))
    written = explore.write(asked, found, prepared, folder)
    console.print(_table(found))
    for flag in found.craft.flags:
        console.print(f"flag: {flag}", markup=False, highlight=False)
    names = ", ".join(path.name for path in written)
    console.print(f"wrote {names} to {folder}", markup=False, highlight=False)


def _question(arguments: argparse.Namespace) -> AttackRequest:
    return AttackRequest(
        picture=arguments.picture,
        codec=_codec(arguments.codec),
        attack=parse_component(arguments.attack),
        objective=parse_component(arguments.objective),
        budget=dict(parse_params([arguments.budget])),
        source=None if arguments.source is None else _codec(arguments.source),
        crop=_crop(arguments.crop),
    )


def _codec(words: Sequence[str]) -> ComponentSpec:
    """Return a codec as a suite would label it, its defences understood."""
    try:
        return single("codec", {"name": words[0], **dict(parse_params(words[1:]))})
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _crop(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d+)x(\d+)", text)
    if found is None:
        raise ConfigError(f"a crop is written HEIGHTxWIDTH, such as 256x256, not '{text}'")
    return int(found[1]), int(found[2])


def _table(found: AttackReport) -> Table:
    table = Table(title=f"{found.craft.attack}, {found.craft.budget}", title_justify="left")
    for header in ("", "source", "noise", "attacked"):
        table.add_column(header, justify="left" if not header else "right")
    scores, noise = found.scores, found.noise
    table.add_row("bits per pixel", f"{scores.bpp_clean:.4f}", *_both(noise, scores, "bpp", ".4f"))
    for title, name in (
        ("PSNR against the source, dB", "psnr_source"),
        ("PSNR against its own input, dB", "psnr_input"),
    ):
        table.add_row(title, f"{scores.psnr_clean:.2f}", *_both(noise, scores, name, ".2f"))
    clean = scores.rd_cost / scores.rd_factor
    table.add_row("R-D cost", f"{clean:.4f}", *_both(noise, scores, "rd_cost", ".4f"))
    shared = _both(noise, scores, "psnr_perturbation", ".2f")
    table.add_row("PSNR of the picture itself, dB", "inf", *shared)
    return table


def _both(noise: Scores | None, scores: Scores, name: str, form: str) -> tuple[str, str]:
    first = "" if noise is None else format(getattr(noise, name), form)
    return first, format(getattr(scores, name), form)
