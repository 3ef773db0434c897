"""Keys, plans and records are what they were; tests/helpers/frozen.py says when they may change."""

import json

import pytest

import frozen
from bench.suite import bundled_suites

PLANS = json.loads((frozen.GOLDEN / "plans.json").read_text())
RECORDS = [json.loads(one) for one in (frozen.GOLDEN / "records.jsonl").read_text().splitlines()]


def test_every_bundled_suite_has_golden_keys():
    assert sorted(PLANS) == sorted(bundled_suites())


@pytest.mark.parametrize("name", PLANS)
def test_keys_and_plans_of_bundled_suites_are_what_they_were(name):
    assert frozen.plan_of(name) == PLANS[name]


def test_records_of_a_small_run_are_what_they_were():
    found = frozen.records()
    assert [record["key"] for record in found] == [record["key"] for record in RECORDS]
    for record, golden in zip(found, RECORDS, strict=True):
        assert _numbers(record) == pytest.approx(_numbers(golden), rel=1e-6)
        assert _rest(record) == _rest(golden)


def _flat(record):
    scores = {f"scores.{name}": value for name, value in (record.get("scores") or {}).items()}
    values = {f"values.{n}": value for n, value in enumerate(record.get("values", ()))}
    return record | scores | values | {"scores": None, "values": None}


def _numbers(record):
    return {name: value for name, value in _flat(record).items() if isinstance(value, float)}


def _rest(record):
    return {name: value for name, value in _flat(record).items() if not isinstance(value, float)}
