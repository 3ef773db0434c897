"""A benchmark harness for the robustness of image codecs.

The modules directly in this package are the public API; the sub-packages, except `bench.testing`,
are internal. Codecs, attacks, objectives, defences and metrics are reached by name.
"""

__version__ = "0.1.0"
