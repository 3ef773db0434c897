"""The study of Sun et al. (2024) from run folders: effects, trends, published claims.

The board of codecs lives in `leaderboard.ranking` and `leaderboard.render`.
"""
