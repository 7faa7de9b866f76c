"""Pages that a person reads, made from tables of scores."""
