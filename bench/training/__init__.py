"""Training of codecs, including adversarial training.

Architectures and checkpoints live in `bench.models`.
"""
