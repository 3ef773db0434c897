"""Studies of finished runs: Sun et al. (2024), defences, adversarial training.

Rankings of codecs live in `leaderboard.ranking`, their pages in `leaderboard.render`.
"""
