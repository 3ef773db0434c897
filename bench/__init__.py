"""A benchmark harness for the robustness of image codecs.

Third parties import only from ``bench.*``; the implementations are reached by name.
"""

__version__ = "0.1.0"
