"""Finds implementations by name, in tables, entry points and plugins, and checks parameters.

The implementations live in `backends`, `attacks` and plugins.
"""
