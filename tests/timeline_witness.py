"""The timeline of one op, walked step by step as docs/model.md tells it: slow, plain, and no code of hwsim."""

from collections import defaultdict

from hwsim.core.schedule import OpSchedule, Ports, Ring, Unit


class Walk:
    """Releases are kept for ever: the k-th take of a ring waits for the release of take k - slots."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.free = dict.fromkeys(Unit, 0)
        self.busy = dict.fromkeys(Unit, 0)
        self.stalls: dict[tuple[str, Unit], int] = defaultdict(int)
        self.releases: dict[object, list[int | None]] = defaultdict(list)
        self.span = 0

    def take(self, ring: object) -> int:
        taken = self.releases[ring]
        taken.append(None)
        if len(taken) <= self.ports.slots:
            return 0
        before = taken[len(taken) - 1 - self.ports.slots]
        assert before is not None, "deadlock"
        return before

    def run(self, unit: Unit, cycles: int, waits: list[tuple[str, int]]) -> int:
        start = max([self.free[unit], *(time for _, time in waits)])
        if start > self.free[unit]:
            reason = next(name for name, time in waits if time == start)
            self.stalls[reason, unit] += start - self.free[unit]
        self.free[unit] = start + cycles
        self.busy[unit] += cycles
        self.span = max(self.span, self.free[unit])
        return self.free[unit]

    def walk(self, op: OpSchedule) -> "Walk":
        for step in op.unrolled():
            ready = {}
            for load in step.loads:
                end = self.run(Unit.LOAD, self.ports.load_cycles(load.bytes), [("slot", self.take(load.ring))])
                ready[load.ring] = end + self.ports.latency
                self.span = max(self.span, ready[load.ring])
            vector_waits = [("load", ready.get(Ring.VECTOR_OPERANDS, 0))]
            results = "vector results"
            if step.array is not None:
                results = "array results"
                waits = [("load", ready.get(ring, 0)) for ring in (Ring.WEIGHTS, Ring.ACTIVATIONS)]
                if step.phase.opens:
                    waits.append(("slot", self.take(results)))
                end = self.run(Unit.ARRAY, step.array.cycles, waits)
                for ring in step.releases:
                    if ring is not Ring.VECTOR_OPERANDS:
                        self.releases[ring][-1] = end
                done = end + step.array.tail
                self.span = max(self.span, done)
                vector_waits.append(("array", done))
            else:
                vector_waits.append(("slot", self.take(results)))
            if step.vector_cycles is not None:
                done = self.run(Unit.VECTOR, step.vector_cycles, vector_waits)
                if Ring.VECTOR_OPERANDS in step.releases:
                    self.releases[Ring.VECTOR_OPERANDS][-1] = done
            if step.phase.closes:
                if step.store_bytes is not None:
                    done = self.run(Unit.STORE, self.ports.store_cycles(step.store_bytes), [("array", done)])
                self.releases[results][-1] = done
        return self
