"""How fast hwsim is, as ratios inside one process; `benchmarks/run` runs it."""
