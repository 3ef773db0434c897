"""Attack objectives: distortion, rate, R-D cost, rate-distortion trade-offs, a target picture.

The searches that maximise them live in `attacks.gradient` and `attacks.query`.
"""
