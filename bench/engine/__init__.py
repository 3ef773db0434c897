"""Running a plan: what is left of it, in what order, by which executor, with what profile.

What a job computes lives in `bench.crafting` and `bench.scoring`.
"""
