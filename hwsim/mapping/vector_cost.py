"""What one step of the vector unit costs: lanes, and the bytes on its ports."""

from dataclasses import dataclass

from hwsim.errors import Unsupported
from hwsim.ir.functions import VectorWork
from hwsim.mapping.target import Target


@dataclass(frozen=True, slots=True)
class VectorCost:
    """One step of the vector unit: its duration, what its lanes do, and the bytes on its ports."""

    cycles: int
    lane_cycles: int
    read_bytes: int
    write_bytes: int
    port_bound: bool = False
    """Whether a port of the scratchpad, not the lanes, takes so long."""
    hidden_cycles: int = 0
    """What the other of the two takes."""


def vector_cost(work: VectorWork, read_bytes: int, write_bytes: int, target: Target) -> VectorCost:
    """The functions one after another, all lanes at once, or the ports if these take longer."""
    cycles_of = target.vector_cycles
    busy = lanes = 0
    for function, elements in work.items():
        cycles = cycles_of.get(function)
        if cycles is None:
            known = ", ".join(f.value for f in cycles_of)
            raise Unsupported(f"the vector unit has no {function.value}; it has {known}")
        busy += -(-elements // target.vector.lanes) * cycles
        lanes += elements * cycles
    ports = max(-(-read_bytes // target.scratchpad.read), -(-write_bytes // target.scratchpad.write))
    return VectorCost(max(busy, ports), lanes, read_bytes, write_bytes, ports > busy, min(busy, ports))
