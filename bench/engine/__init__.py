"""Execution of a plan: what is left to do, in which order, by which executor, and profiling.

What a job computes lives in `bench.crafting` and `bench.scoring`.
"""
