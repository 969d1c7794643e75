"""Which busy cycles of an op lie in steps whose length a port of the scratchpad sets."""

from collections.abc import Iterable

from hwsim.schedule.counters import Units
from hwsim.schedule.schedule import Ports
from hwsim.schedule.steps import Repeat, Step, StepTree


def port_bound(steps: Iterable[StepTree], ports: Ports) -> Units:
    """Those of the steps' own op."""
    total = Units()
    for node in steps:
        total += port_bound(node.body, ports) * node.times if isinstance(node, Repeat) else _of_step(node, ports)
    return total


def fused_port_bound(steps: Iterable[StepTree]) -> Units:
    """Those of the op that follows on the steps' tiles."""
    cycles = 0
    for node in steps:
        if isinstance(node, Repeat):
            cycles += fused_port_bound(node.body).vector * node.times
        elif node.fused is not None and node.fused.port_bound:
            cycles += node.fused.cycles
    return Units(vector=cycles)


def load_port_bound(size: int, ports: Ports) -> Units:
    """Those of one load."""
    return Units(load=ports.load_cycles(size) if ports.load_port_bound(size) else 0)


def _of_step(step: Step, ports: Ports) -> Units:
    total = Units(
        array=step.array.cycles if step.array is not None and step.array.port_bound else 0,
        vector=(step.vector_cycles or 0) if step.vector_port_bound else 0,
    )
    for load in step.loads:
        total += load_port_bound(load.bytes, ports)
    stored = step.store_bytes
    if stored is not None and ports.store_port_bound(stored):
        total += Units(store=ports.store_cycles(stored))
    return total
