"""Makes perturbed versions of items."""
