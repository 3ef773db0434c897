"""The page on metrics of the eye: its suite is valid and its table has every such metric."""

import re

from bench.registry.registry import unavailable
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from paths import ROOT

PAGE = (ROOT / "docs/tasks/measure_what_people_see.md").read_text(encoding="utf-8")


def test_its_suite_is_valid_and_names_the_metrics_of_its_table():
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    suite = parse(text, "eye.yaml", Suite)
    named = {choice.name for choice in suite.named_metrics}
    assert named == set(re.findall(r"^\| `(\S+)` \|", PAGE, re.MULTILINE))
    assert unavailable("metric", "xpsnr") is None


def test_the_page_is_short():
    assert len(PAGE.splitlines()) <= 60
