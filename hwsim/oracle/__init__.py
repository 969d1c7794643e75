"""Slow witnesses in plain numpy, for tests alone: nothing in hwsim may import them, and they share no code with it."""
