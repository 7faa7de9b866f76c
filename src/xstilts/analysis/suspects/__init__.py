"""Items that are harder in one language than in the others: suspect translations and labels."""
