"""The page of a run: a verdict, pictures, one plot, one table; the rest is folded or elsewhere.

The page with every column is `leaderboard.render.page`.
"""
