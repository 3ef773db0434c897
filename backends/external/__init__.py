"""Codecs that run as external programs: ffmpeg's encoders and VTM, with their shared adapters.

Codecs that run in this process live in `backends.learned` and `backends.pillow`.
"""
