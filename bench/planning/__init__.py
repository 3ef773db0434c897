"""Turns a checked suite into jobs with keys.

`bench.suite` reads suites; `bench.engine` runs jobs.
"""
