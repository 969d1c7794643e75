"""What the mapper makes least of all the ways to run a program."""

from enum import Enum

from hwsim.errors import UnknownName


class Objective(Enum):
    """Latency is in whole cycles, energy in whole attojoules, EDP is their product."""

    LATENCY = "latency"
    ENERGY = "energy"
    EDP = "edp"

    @classmethod
    def named(cls, name: "Objective | str") -> "Objective":
        """The objective of that name.

        >>> Objective.named("energy")
        <Objective.ENERGY: 'energy'>
        """
        found = name if isinstance(name, cls) else next((one for one in cls if one.value == name), None)
        if found is None:
            raise UnknownName("objective", str(name), tuple(one.value for one in cls))
        return found
