"""The page on what can be read: its suite is valid, its table has the codecs of the bundled one."""

import re

from bench.suite.bundled import named_suite
from bench.suite.suite import Suite
from bench.utils.yaml_config import parse
from paths import ROOT

PAGE = (ROOT / "docs/tasks/measure_reading.md").read_text(encoding="utf-8")


def test_its_suite_is_valid_and_names_the_metrics_of_its_table():
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    named = {choice.name for choice in parse(text, "labels.yaml", Suite).named_metrics}
    assert named == set(re.findall(r"^\| `(\S+)` \|", PAGE, re.MULTILINE))


def test_every_codec_of_the_bundled_suite_has_a_line():
    suite, _ = named_suite("reading")
    lines = re.findall(r"^\| (.+?) \| [\d., ]+ \| [\d, ]+ \| [\d, ]+ \|$", PAGE, re.MULTILINE)
    assert lines == [str(codec) for codec in suite.operating_points]


def test_the_page_is_short():
    assert len(PAGE.splitlines()) <= 60
