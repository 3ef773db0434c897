"""Measurements beside the attacks on rate and distortion: a small table and a figure for each axis.

A run has an axis if its suite asks for it. The board's own tables do not contain them.
"""
