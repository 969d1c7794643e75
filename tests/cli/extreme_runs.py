"""Runs drawn extremes through `simulate`, each in a process of its own, and holds what comes out against the laws.

    PYTHONPATH=tests python tests/cli/extreme_runs.py 0-2999 7011      # these cases of `tests/strategies/extremes.py`

A case must give a result that keeps the laws of conservation, or one line of refusal; without a warning, within 20
seconds of CPU time and 1 GiB.
"""

import json
import os
import resource
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

from strategies.extremes import Mapping, case

SECONDS, BYTES = 20, 1 << 30
# Beyond these a case is stopped.
STOPPED_SECONDS, STOPPED_BYTES = 25, 6 << 30
SHOWN_EVERY = 100


def broken_law(result: Any, work: Any) -> str | None:
    """The first law of conservation that a result breaks."""
    counters, ops = result.counters, result.ops
    busy, idle, stalls = counters.busy, counters.idle, counters.stalls
    total = {
        unit: getattr(busy, unit)
        + getattr(idle, unit)
        + sum(getattr(getattr(stalls, reason), unit) for reason in type(stalls).__slots__)
        for unit in type(busy).__slots__
    }
    if counters.shared_port:
        total["load"] += total.pop("store")
    if not total["exchange"]:
        del total["exchange"]  # one core has nothing to exchange
    compulsory = sum(
        tensor.packed_bytes
        for tensor in {
            view.tensor: work.program.tensor(view.tensor)
            for view in (getattr(placed.op, "weight", None) for placed in work.program.placed())
            if view is not None and not view.windows
        }.values()
        if tensor.role.parameter
    )
    outputs = sum(tensor.packed_bytes for tensor in work.program.tensors if tensor.role.value == "output")
    moved = counters.work
    laws = {
        "busy + waiting + idle": set(total.values()) == {counters.cycles},
        "cycles of ops": sum(op.cycles for op in ops) == counters.cycles == result.summary.cycles,
        "busy of ops": all(
            sum(getattr(op.busy_cycles, unit) for op in ops) == getattr(busy, unit) for unit in type(busy).__slots__
        ),
        "no faster than a unit": max(getattr(busy, unit) for unit in type(busy).__slots__) <= counters.cycles,
        "energy of ops": sum(op.energy_aj for op in ops) == result.summary.energy_aj,
        "energy of components": result.energy_by_component_aj.total == result.summary.energy_aj,
        "energy of lines": sum(line.energy_aj for line in result.energy_lines) == result.summary.energy_aj,
        "products of ops": sum(op.macs for op in ops) == result.summary.macs == work.program.macs,
        "products on the array": moved.macs <= result.summary.macs,
        "bytes of ops": sum(op.dram_read_bytes for op in ops) == moved.dram_read_bytes
        and sum(op.dram_write_bytes for op in ops) == moved.dram_write_bytes,
        "compulsory reads": moved.dram_read_bytes >= compulsory,
        "compulsory writes": moved.dram_write_bytes >= outputs,
        "nothing is negative": min(total.values()) >= 0 and result.summary.latency_ms >= 0,
    }
    return next((name for name, kept in laws.items() if not kept), None)


def outcome(number: int) -> Mapping:
    """What became of a case: `ran`, `refused` or `broken`, and why."""
    from hwsim.errors import HwsimError
    from hwsim.inputs.chips import load_chip
    from hwsim.inputs.load import load_workload
    from hwsim.study.simulate import simulate

    on, runs, objective = case(number)
    warnings.simplefilter("error")
    try:
        made = load_workload(runs)
        result = simulate(load_chip(on), made, objective=objective)
    except HwsimError as error:
        lines = str(error).splitlines()
        return {"how": "refused" if len(lines) == 1 else "broken", "why": str(error)[:200]}
    except (Exception, RecursionError) as error:
        frames, trace = [], error.__traceback__
        while trace is not None:
            frames.append(f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}")
            trace = trace.tb_next
        return {"how": "broken", "why": f"{type(error).__name__}: {str(error)[:150]} at {' '.join(frames[-3:])}"}
    spent = resource.getrusage(resource.RUSAGE_SELF)
    law = broken_law(result, made)
    how = {"how": "ran", "why": ""} if law is None else {"how": "broken", "why": f"law: {law}"}
    return {**how, "seconds": spent.ru_utime + spent.ru_stime}


def measured(number: int) -> Mapping:
    """The outcome of a case in a child of this process, with its CPU seconds and the most memory that it had."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_CPU, (STOPPED_SECONDS, STOPPED_SECONDS + 5))
        resource.setrlimit(resource.RLIMIT_AS, (STOPPED_BYTES, STOPPED_BYTES))
        try:
            os.write(writing, json.dumps(outcome(number)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    _, _, spent = os.wait4(child, 0)
    found: Mapping = json.loads(told) if told else {"how": "broken", "why": "stopped, or out of memory"}
    seconds = found.pop("seconds", spent.ru_utime + spent.ru_stime)
    found |= {"number": number, "seconds": round(seconds, 2), "bytes": spent.ru_maxrss * 1024}
    if found["how"] != "broken" and (seconds > SECONDS or found["bytes"] > BYTES):
        found |= {"how": "broken", "why": f"{found['how']} in {seconds:.1f} s and {found['bytes'] >> 20} MiB"}
    return found


def numbered(written: Sequence[str]) -> list[int]:
    """The cases that numbers and ranges name.

    >>> numbered(["3", "7-9"])
    [3, 7, 8, 9]
    """
    ends = [[int(end) for end in one.split("-")] for one in written]
    return [number for first, *rest in ends for number in range(first, (rest or [first])[0] + 1)]


def main(numbers: Sequence[int]) -> int:
    """Run cases one after another; the worst of them, and whether any is broken."""
    from hwsim.inputs.chips import load_chip
    from hwsim.inputs.load import load_workload
    from hwsim.study.simulate import simulate

    # Compiled before the first child, which would compile for itself alone.
    for objective in ("latency", "energy"):
        simulate(load_chip("int4_array"), load_workload("lstm_lm"), objective=objective)
    found = []
    for number in numbers:
        found.append(measured(number))
        if found[-1]["how"] == "broken":
            print(_told(found[-1]), flush=True)
        if len(found) % SHOWN_EVERY == 0:
            print(f"{len(found)} of {len(numbers)}", file=sys.stderr, flush=True)
    hows = Counter(one["how"] for one in found)
    print(f"{len(found)} cases: {hows['ran']} ran, {hows['refused']} were refused, {hows['broken']} are broken")
    print("slowest", _told(max(found, key=lambda one: one["seconds"])))
    print("largest", _told(max(found, key=lambda one: one["bytes"])))
    return 1 if hows["broken"] else 0


def _told(one: Mapping) -> str:
    return f"case {one['number']}: {one['how']} in {one['seconds']} s and {one['bytes'] >> 20} MiB: {one['why']}"


if __name__ == "__main__":
    sys.exit(main(numbered(sys.argv[1:])))
