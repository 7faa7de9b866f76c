"""What a user writes, checked, and the tables of tasks and languages that it refers to."""
