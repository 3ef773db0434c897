"""Keys, plans and records do not change; tests/helpers/frozen.py says when they may."""

import json

import pytest

import frozen
from bench.suite import bundled_suites

PLANS = json.loads((frozen.GOLDEN / "plans.json").read_text())
RECORDS = [json.loads(line) for line in (frozen.GOLDEN / "records.jsonl").read_text().splitlines()]


def test_every_bundled_suite_has_golden_keys():
    assert sorted(PLANS) == sorted(bundled_suites())


@pytest.mark.parametrize("name", PLANS)
def test_keys_and_plans_of_bundled_suites_do_not_change(name):
    assert frozen.plan_of(name) == PLANS[name]


def test_records_of_a_small_run_do_not_change():
    records = frozen.records()
    assert [record["key"] for record in records] == [record["key"] for record in RECORDS]
    for record, golden in zip(records, RECORDS, strict=True):
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
