"""A codec for codec-robustness-bench: the networks of JPEG AI with an entropy coder of our own.

Its bitstreams are not JPEG AI's, and its rates are not JPEG AI's either.
"""

from bench.entry import Cost, Entry

CODEC = Entry(
    "jpeg_ai_networks.codec:JpegAiNetworks",
    "JPEG AI VM 3.3 networks, our entropy coder, one low rate",
    available="jpeg_ai_networks.folder:problem",
    cost=Cost(4, 5),
)
"""The entry point: the name in suites is that of pyproject.toml."""
