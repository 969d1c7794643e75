"""Searches that really carry hypotheses: they decide what the loops over frames and symbols run on."""
