"""Learned models as files: architectures, checkpoints, their cards, the entropy coder, the zoo.

Codecs that use them live in `backends.learned`; training lives in `bench.training`.
"""

from bench.models.compressai_import import defer_unused_parts

defer_unused_parts()
