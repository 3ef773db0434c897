"""Columns of the tables: header, value, format and meaning; and the displayed names of flags.

Values are computed in `leaderboard.aggregate` and `leaderboard.ranking`.
"""
