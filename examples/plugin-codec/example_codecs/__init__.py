"""Codecs that another package brings to codec-robustness-bench."""
