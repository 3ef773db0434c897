"""Budgets that keep a floor: the value of a metric between source and adversarial picture.

Balls of a norm, and no limit at all, are in `bench.budget`.
"""
