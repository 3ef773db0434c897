"""From a picture and a codec to scores: encode, decode the bytes again, measure.

Formulas of metrics live in `bench.metrics`; ranking lives in `leaderboard`.
"""
