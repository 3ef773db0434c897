"""Quicker layers with the same values for nets whose weights are final.

Nets in training keep their own layers.
"""
