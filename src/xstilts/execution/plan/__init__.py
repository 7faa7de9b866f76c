"""What an experiment will take, before it runs. Nothing here imports torch: planning is instant."""
