"""The claims of the study: what each compares, its verdict, and the recipe that is chosen."""
