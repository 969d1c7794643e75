"""Products of vectors by matrices on analog tiles: programming, drift, and each step from numbers to codes and back."""
