"""Attacks that only encode and decode: Square, NES, SPSA, evolution.

Queries are counted and limited in `bench.crafting.oracle`, not here.
"""
