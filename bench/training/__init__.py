"""Training of codecs, including adversarial training.

Architectures and checkpoints live in `bench.models`.
"""

from bench.models.compressai_import import defer_unused_parts

defer_unused_parts()
