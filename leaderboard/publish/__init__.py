"""Entries, tracks and challenges: what a published board is made of.

Pages are drawn in `leaderboard.render` and `leaderboard.web`.
"""
