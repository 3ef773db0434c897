"""One attack looked at closely: a report, a contact sheet, a bit allocation map.

Boards of many attacks live in `leaderboard`.
"""
