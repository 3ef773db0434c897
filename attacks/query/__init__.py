"""Attacks that only encode and decode pictures: Square, NES, SPSA and an evolution strategy.

Queries are counted and limited in `bench.crafting.oracle`.
"""
