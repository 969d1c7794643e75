"""Runs programs for their values: every op of the loop tree, in floats and in integers."""
