"""Source pictures: named sets, data sets to download, reading files, PNG.

Scores of pictures live in `bench.metrics`.
"""
