"""What an attack maximises: distortion, rate, R-D cost, trade-offs, a target picture.

How it is searched for lives in `attacks.gradient` and `attacks.query`.
"""

from attacks.objectives.basic import Distortion, Rate, RateDistortion

__all__ = ["Distortion", "Rate", "RateDistortion"]
