"""From normalised data to the inputs of an encoder; one file a kind of task."""
