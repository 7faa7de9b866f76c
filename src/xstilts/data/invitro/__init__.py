"""Generates texts and all tasks in the made-up languages."""
