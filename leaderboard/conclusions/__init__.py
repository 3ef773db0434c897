"""What the records of a comparison show, in plain sentences: one operating point a codec.

Tables and rankings live in `leaderboard.render` and `leaderboard.ranking`.
"""
