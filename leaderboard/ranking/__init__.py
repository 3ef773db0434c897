"""Rows to ranks: R-D costs, R-D curves, comparisons, and the board that holds them.

How a board looks is decided in `leaderboard.render`.
"""
