"""Implementations of installed distributions are found by name; errors name the distribution."""

from __future__ import annotations

import importlib

import pytest

from bench.cli import list as listing
from bench.cli.main import main
from bench.errors import ConfigError
from bench.registry import registry
from bench.registry.component_spec import ComponentSpec
from bench.registry.registry import entries, entry, implementation, instantiate, unavailable

MODULE = """\
from dataclasses import dataclass
from typing import ClassVar

from attacks.gradient import PGD
from attacks.objectives import Rate
from backends.defences.filters import Gaussian
from backends.metrics.colour import Ciede2000
from backends.toy import Toy
from bench.entry import Cost, Entry


def missing():
    return "its program is missing; install it"


class Fails(Toy):
    def __init__(self) -> None:
        raise ValueError("it always fails")


DETAILED = Entry(Toy, "a toy with all details", paper="https://example.org", cost=Cost(7, 3),
             preset={"gain": 2.0}, available="brought:missing")
NUMBER = 3
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return a function that installs a distribution with entry points."""
    (tmp_path / "brought.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(owner, **points):
        folder = tmp_path / f"{owner.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {owner}\nVersion: 1.0\n")
        groups = [f"[bench.{group}]\n{line}\n" for group, line in points.items()]
        (folder / "entry_points.txt").write_text("".join(groups))
        importlib.invalidate_caches()
        registry._installed.cache_clear()

    yield install
    registry._installed.cache_clear()


@pytest.mark.parametrize(
    ("kind", "line", "class_name"),
    [
        ("codec", "own-toy = brought:Toy", "Toy"),
        ("attack", "own-pgd = brought:PGD", "PGD"),
        ("objective", "own-rate = brought:Rate", "Rate"),
        ("defence", "own-blur = brought:Gaussian", "Gaussian"),
        ("metric", "own-ciede = brought:Ciede2000", "Ciede2000"),
    ],
)
def test_every_kind_is_found_by_its_entry_point(kind, line, class_name, installed):
    installed("some-more", **{f"{kind}s": line})
    name = line.split()[0]
    assert name in entries(kind)
    assert implementation(kind, name).__name__ == class_name
    assert type(instantiate(kind, ComponentSpec(name))).__name__ == class_name
    listed = {item.name: item for item in listing.listed(f"{kind}s")}
    assert listed[name].problem is None


def test_an_entry_point_can_name_an_entry(installed, capsys):
    installed("some-more", codecs="detailed = brought:DETAILED")
    assert entry("codec", "detailed").cost.coding == 7
    assert instantiate("codec", ComponentSpec("detailed")).fingerprint() == "toy gain 2.0"
    assert unavailable("codec", "detailed") == "its program is missing; install it"
    (listed,) = [item for item in listing.listed("codecs") if item.name == "detailed"]
    assert listed.parameters == {}
    assert main(["list", "codecs", "--json"]) == 0
    assert "its program is missing" in capsys.readouterr().out


def test_a_built_in_name_is_refused(installed):
    installed("some-more", codecs="jpeg = brought:Toy")
    words = "some-more registers the codec 'jpeg', a name already taken by the harness itself"
    with pytest.raises(ConfigError, match=words):
        entries("codec")


def test_two_distributions_with_one_name_are_both_named(installed):
    installed("first-one", codecs="mine = brought:Toy")
    installed("second-one", codecs="mine = brought:Toy")
    with pytest.raises(ConfigError, match="registers the codec 'mine', a name already") as error:
        entries("codec")
    assert "first-one" in str(error.value)
    assert "second-one" in str(error.value)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("no_such_module:Mine", "cannot import no_such_module:Mine of some-more"),
        ("brought:Mine", "cannot import brought:Mine of some-more"),
        (
            "brought:NUMBER",
            "some-more registers the codec 'mine' as brought:NUMBER, which is not a",
        ),
    ],
)
def test_the_error_of_an_import_names_the_distribution(target, words, installed):
    installed("some-more", codecs=f"mine = {target}")
    with pytest.raises(ConfigError, match=words):
        instantiate("codec", ComponentSpec("mine"))
    (listed,) = [item for item in listing.listed("codecs") if item.name == "mine"]
    assert "some-more" in listed.problem


def test_the_error_of_a_constructor_names_the_distribution(installed):
    installed("some-more", codecs="mine = brought:Fails")
    with pytest.raises(ConfigError, match="codec 'mine' of some-more cannot be used: ValueError"):
        instantiate("codec", ComponentSpec("mine"))
