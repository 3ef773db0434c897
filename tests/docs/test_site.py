"""The documentation site, as far as it can be checked without Sphinx (`make docs` builds it)."""

from __future__ import annotations

import re

import pytest

from bench.suite.suite import load_suite
from bench.testing import CodecContract
from paths import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)
OTHERS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("examples/*/*.md"))]
_TOCTREE = re.compile(r"```\{toctree\}\n(.*?)```", re.DOTALL)
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def _children(page):
    lines = "\n".join(_TOCTREE.findall(page.read_text())).splitlines()
    listed = [line for line in lines if line and not line.startswith(":")]
    names = [line.partition(" <")[2].rstrip(">") or line for line in listed]  # "title <name>"
    return [page.parent / f"{name}.md" for name in names]


def _reachable(page):
    return {page}.union(*map(_reachable, _children(page)))


def test_every_page_is_in_a_toctree():
    assert sorted(_reachable(DOCS / "index.md")) == PAGES


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page):
    links = _LINK.findall(_CODE.sub("", page.read_text()))
    broken = [link for link in links if "://" not in link and not _resolves(page, link)]
    assert not broken


def _resolves(page, link):
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(page):
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_public_modules_have_a_page_in_the_reference():
    text = "".join(page.read_text() for page in (DOCS / "api").glob("*.md"))
    documented = set(re.findall(r"automodule:: (\S+)", text))
    public = {f"bench.{module.stem}" for module in ROOT.glob("bench/[a-z]*.py")}
    assert public | {"bench.testing"} <= documented


def _block(page, start):
    (block,) = re.findall(rf"```\w+\n(# {start}.*?)```", (DOCS / page).read_text(), re.DOTALL)
    return block


_CODEC: dict[str, type] = {"__name__": __name__}
exec(_block("tasks/add_a_codec.md", "my_codec.py"), _CODEC)


class TestBlocks(CodecContract):
    def codec(self):
        return _CODEC["Blocks"](side=4)

    def others(self):
        return (_CODEC["Blocks"](side=2),)


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("run_a_suite", "small"),
        ("add_a_codec", "my_suite"),
        ("harden_a_model", "compare"),
        ("measure_generations", "again"),
        ("measure_bit_errors", "bit_errors"),
        ("measure_resources", "slow"),
        ("attack_a_program", "programs"),
    ],
)
def test_suites_of_the_task_pages_are_valid(tmp_path, page, name):
    (tmp_path / "my_codec.py").write_text(_block("tasks/add_a_codec.md", "my_codec.py"))
    (tmp_path / f"{name}.yaml").write_text(_block(f"tasks/{page}.md", f"{name}.yaml"))
    suite = load_suite(tmp_path / f"{name}.yaml")
    assert len(suite.codecs) > 1
