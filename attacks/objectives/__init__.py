"""Attack objectives: distortion, rate, R-D cost, rate-distortion trade-offs, a target picture.

The searches that maximise them live in `attacks.gradient` and `attacks.query`.
"""

from attacks.objectives.basic import Distortion, Rate, RateDistortion

__all__ = ["Distortion", "Rate", "RateDistortion"]
