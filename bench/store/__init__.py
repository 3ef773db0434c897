"""Records and the run folder that holds them.

What records mean together is computed in `leaderboard`.
"""
