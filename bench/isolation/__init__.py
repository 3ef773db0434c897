"""Calls of codecs, in this process or in processes that can be killed.

The decoding process never receives a picture. So a decoder can use nothing but the bytes.
"""

CALL_LIMIT_S = 600.0
"""Default of the time limit of one call in seconds, see `bench.utils.foreign_call.call_limit`."""
