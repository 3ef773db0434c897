"""Suites: YAML to checked settings, bundled suites, their JSON schema.

Turning a suite into jobs lives in `bench.planning`.
"""
