"""One function for each format that data are published in."""
