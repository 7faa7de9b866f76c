"""Encoders and the one training loop: checkpoints, memory, collapse."""
