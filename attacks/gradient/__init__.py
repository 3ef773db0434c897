"""Attacks that follow gradients: FGSM, PGD, APGD, FTDA, C&W, MADC and structured attacks.

Objectives and query attacks live in the packages beside this one; budgets are enforced in
`bench.crafting`.
"""

from attacks.gradient.pgd import PGD

__all__ = ["PGD"]
