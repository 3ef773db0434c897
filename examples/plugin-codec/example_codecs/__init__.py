"""Codecs that a separate package adds to codec-robustness-bench."""
