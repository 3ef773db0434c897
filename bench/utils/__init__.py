"""What no part of the pipeline owns: YAML, hashing, memory, processes, precision.

Nothing here knows codecs, attacks or suites.
"""
