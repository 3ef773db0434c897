"""The command line: one module a command, with the heavy imports inside it.

What the commands do lives in the other packages; board commands live in `leaderboard.commands`.
"""

DONE = 0
CHECK_FAILED = 1
"""Exit status of `check` and `verify` where they ran and found something wrong."""

NOT_DONE = 2
"""Exit status of usage errors and bad input."""

INTERRUPTED = 130
CLOSED_PIPE = 141
"""Exit status where the reader of the output went away, as in `bench list codecs | head -1`."""
