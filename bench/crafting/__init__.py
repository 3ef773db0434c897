"""From a craft job to an adversarial 8-bit picture: targets, queries, ensembles, enforced budgets.

Search algorithms live in `attacks`; scores are computed in `bench.scoring`.
"""
