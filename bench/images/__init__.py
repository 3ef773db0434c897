"""Source pictures: named sets, downloads, reading of files, PNG.

Scores of pictures live in `bench.metrics`.
"""
