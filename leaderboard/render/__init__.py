"""A board as markdown, plots, terminal tables and exports.

The HTML page lives in `leaderboard.web`; nothing here computes a score.
"""
