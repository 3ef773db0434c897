"""Training codecs and hardening them by adversarial training.

Architectures and checkpoints live in `bench.models`.
"""
