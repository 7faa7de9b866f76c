"""The rows of the table of tasks (`xstilts.tasks`)."""
