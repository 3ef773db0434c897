"""One attack in detail: a report, a contact sheet, a map of the bit allocation.

Boards of many attacks live in `leaderboard`.
"""
