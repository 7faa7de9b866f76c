"""What scores and gains go together with: distance, size of pretraining text, script."""
