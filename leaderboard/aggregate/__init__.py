"""Records to rows: evaluations grouped, worst cases, flags, confidence intervals.

Ranks are decided in `leaderboard.ranking`.
"""
