"""Attacks that follow gradients of a target: FGSM, PGD, APGD, FTDA, C&W, MADC and structured ones.

Objectives and query attacks live beside this package; budgets are enforced in `bench.crafting`.
"""

from attacks.gradient.pgd import PGD

__all__ = ["PGD"]
