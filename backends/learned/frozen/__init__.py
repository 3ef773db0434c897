"""Faster layers with the same outputs, for networks with frozen weights.

Networks in training keep their own layers.
"""
