"""`bench train`: train a codec, or harden one by adversarial training."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli.arguments import add_pictures

HELP = "train a codec, or harden one by adversarial training; resumes where it stopped"
EXAMPLE = "bench train recipe.yaml --photos photos/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="a YAML file")
    parser.add_argument("--photos", type=Path, help="the folder of photographs to train on")
    parser.add_argument("-o", "--out", type=Path, help="training folder (trainings/NAME)")
    add_pictures(parser)


def run(arguments: argparse.Namespace) -> None:
    """Train every stage of the recipe."""
    from bench.training.train import train
    from bench.utils.terminal import terminal

    train(arguments.recipe, arguments.out, terminal(), photos=arguments.photos)
