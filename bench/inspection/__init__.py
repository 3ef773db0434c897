"""Attacked pictures in detail: a report, contact sheets, maps of the bit allocation.

Boards of many attacks live in `leaderboard`.
"""
