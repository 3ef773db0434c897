"""Codecs that are other programs: ffmpeg's encoders, VTM, and what their adapters share.

Codecs that run in this process live in `backends.learned` and `backends.pillow`.
"""
