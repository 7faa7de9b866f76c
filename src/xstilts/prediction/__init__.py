"""Predictions in every language: with heads, by search, and without a model."""
