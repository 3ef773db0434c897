"""CompressAI's models as codecs: real bitstreams, and the surrogates that gradients flow through.

Architectures, checkpoints and the range coder live in `bench.models`.
"""

from bench.models.compressai_import import defer_unused_parts

defer_unused_parts()
