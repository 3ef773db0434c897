"""Verification of a run folder: planned again, its pictures coded again, its scores compared.

Checks of a published board live in `leaderboard.audit`.
"""
