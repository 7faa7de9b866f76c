"""What scores and gains go together with: distance, pretraining text, script, subwords."""
