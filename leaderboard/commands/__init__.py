"""Commands of `bench` that read or write leaderboards; `bench.cli` finds them by name.

What they print and write is made in the other packages of `leaderboard`.
"""
