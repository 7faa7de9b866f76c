"""From files, the hub or a generator to normalised Parquet, one schema a kind of task."""
