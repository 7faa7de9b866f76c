"""From predictions to scores: metrics, counts by item, averages, XTREME's layout."""
