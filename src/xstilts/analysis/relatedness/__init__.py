"""What kinship and nearness of languages do to statements over languages."""
