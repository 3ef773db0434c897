"""Columns of the tables: header, value, format, and which direction is better.

Values are computed in `leaderboard.aggregate` and `leaderboard.ranking`.
"""
