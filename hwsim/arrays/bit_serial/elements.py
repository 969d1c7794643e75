"""The choice that a bit-serial array's file makes: which operand comes bit by bit."""

from enum import Enum


class Serial(Enum):
    """Which operand comes bit by bit."""

    WEIGHTS = "weights"
    ACTIVATIONS = "activations"
    BOTH = "both"
