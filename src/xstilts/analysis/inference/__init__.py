"""The one engine behind every interval, p and verdict."""
