"""A run folder checked: planned again, its pictures coded again, its figures compared.

Checks of a published board live in `leaderboard.audit`.
"""
