"""What the mapper makes least of all the ways to run a program."""

from enum import Enum


class Objective(Enum):
    """Latency is in whole cycles, energy in whole attojoules."""

    LATENCY = "latency"
    ENERGY = "energy"
