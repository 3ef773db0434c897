"""One page that compares a few codecs at equal rates: points, suites, table, plot.

The sentences live in `leaderboard.conclusions`; the command is `leaderboard.commands.compare`.
"""
