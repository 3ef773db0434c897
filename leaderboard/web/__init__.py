"""The published board as one HTML page.

Entries are read in `leaderboard.publish`; plots of markdown pages live in `leaderboard.render`.
"""
