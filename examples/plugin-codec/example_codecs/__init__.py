"""Two example codecs for codec-robustness-bench."""
