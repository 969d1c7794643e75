"""The nouns of an analog tile: cells in a crossbar, how weights and inputs stand on it, how its sums are read."""
