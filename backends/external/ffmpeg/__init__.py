"""The codecs that ffmpeg carries, and the ffmpeg program.

What they share with other external programs lives in `backends.external`.
"""
