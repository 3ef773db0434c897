"""From a craft job to an adversarial 8-bit picture: targets, queries, ensembles, budgets enforced.

The search algorithms live in `attacks`; scores are made in `bench.scoring`.
"""
