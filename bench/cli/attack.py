"""`bench attack`: attack one picture, and write what came of it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

    from bench.inspection.origin import Origin
    from bench.inspection.single_attack import AttackReport, AttackRequest
    from bench.registry.component_spec import ComponentSpec
    from bench.registry.registry import Component, Kind
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
        help="linf or l2 (8-bit levels), mse (of [0, 1]), ssim, haarpsi or cvvdp; unlimited=true"
        " for a corruption; linf=8 by default",
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
    written, found = write(request, report, prepared, folder)
    terminal().print(_table(report))
    for table in _origin(found):
        terminal().print(table)
    for flag in report.craft.flags:
        say(f"flag: {flag}")
    say(f"wrote {', '.join(path.name for path in written)} to {folder}")


def _request(arguments: argparse.Namespace) -> AttackRequest:
    from bench.cli.key_values import parse_component, parse_crop, parse_params
    from bench.inspection.single_attack import AttackRequest

    return AttackRequest(
        picture=arguments.picture,
        codec=_component("codec", arguments.codec),
        attack=_attack(arguments.attack),
        objective=parse_component(arguments.objective),
        budget=dict(parse_params([arguments.budget])),
        source=None if arguments.source is None else _component("codec", arguments.source),
        crop=None if arguments.crop is None else parse_crop(arguments.crop),
    )


def _attack(words: Sequence[str]) -> ComponentSpec:
    """Return an attack with its settings, or an ensemble, whose members the suite makes."""
    from bench.cli.key_values import parse_component
    from bench.registry.registry import entries

    is_ensemble = words[0] in entries("ensemble")
    return parse_component(words) if is_ensemble else _component("attack", words)


def _component(kind: Kind, words: Sequence[str]) -> Component:
    """Return a codec or an attack as a suite would label it, with its defences or settings."""
    from bench.cli.key_values import parse_params
    from bench.suite.fields import single

    try:
        return single(kind, {"name": words[0], **dict(parse_params(words[1:]))})
    except ValueError as error:
        raise ConfigError(str(error)) from error


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


def _origin(found: Origin) -> Iterator[Table]:
    """Yield tables of where the harm arises, layer by layer and stream by stream."""
    from rich.table import Table

    if not found.layers:
        return
    layers = Table(title="Change of the values, layer by layer", title_justify="left")
    for header in ("layer", "gain", "change, % of its output"):
        layers.add_column(header, justify="left" if header == "layer" else "right")
    for layer in found.layers:
        layers.add_row(layer.name, f"{layer.gain:.2f}", f"{100 * layer.change:.1f}")
    yield layers
    more = sum(stream.attacked_bits - stream.bits for stream in found.streams)
    streams = Table(title="Bits of the latents", title_justify="left")
    titles = ("source", "attacked", "% of the change", "restored: all bits", "restored: PSNR dB")
    for header in ("latents", *titles):
        streams.add_column(header, justify="left" if header == "latents" else "right")
    for one in found.streams:
        share = round(100 * (one.attacked_bits - one.bits) / more) if more else 0
        coded = one.restored_bits, one.restored_psnr
        shown = ("–", "–") if None in coded else (f"{coded[0]}", f"{coded[1]:.2f}")
        streams.add_row(
            one.name, f"{one.bits:.0f}", f"{one.attacked_bits:.0f}", f"{share:.0f}", *shown
        )
    yield streams
