"""Heads with a posterior: from features to joint draws, in NumPy."""
