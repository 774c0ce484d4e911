"""Data: sources, the feature space of a table, splits and draws."""
