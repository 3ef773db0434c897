"""The command line: one module a command, with the heavy imports inside it.

What the commands do lives in the other packages; board commands live in `leaderboard.commands`.
"""
