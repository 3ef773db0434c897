"""Learned models as files: architectures, checkpoints, their cards, the range coder, the zoo.

Codecs made of them live in `backends.learned`; training lives in `bench.training`.
"""

from bench.models.compressai_import import defer_unused_parts

defer_unused_parts()
