"""Common corruptions of pictures: noise, blur, weather and digital artefacts, without any codec.

The kinds and their strengths are those of ImageNet-C; `kinds` has the table of all kinds.
"""
