"""What follows from an experiment: cells, the data they need, parameters of jobs, paths."""
