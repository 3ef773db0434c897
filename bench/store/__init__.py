"""Records and the run folder that holds them.

Results are aggregated from records in `leaderboard`.
"""
