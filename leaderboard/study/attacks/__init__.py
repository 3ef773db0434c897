"""Attacks compared with each other: their optimality, and one attack against `standard`.

What attacks do to codecs lives in `leaderboard.study`; ranks of codecs in `leaderboard.ranking`.
"""
