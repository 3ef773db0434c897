"""A published entry or board checked against its hashes, its records and its bitstreams.

Checks of a run folder live in `bench.verify`.
"""
