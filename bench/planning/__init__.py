"""From a checked suite to jobs with keys; pure but for making what the suite names.

Reading suites lives in `bench.suite`; running jobs in `bench.engine`.
"""
