"""Entries, tracks and challenges: the content of a published board.

Pages are written in `leaderboard.render` and `leaderboard.web`.
"""
