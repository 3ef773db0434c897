"""Helpers that no step of the pipeline owns: YAML, hashing, files, memory, processes, precision.

Code about codecs, attacks or suites does not belong here.
"""
