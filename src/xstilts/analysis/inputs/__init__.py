"""What is analysed: scores by cell, items as they are resampled, and evidence from both."""
