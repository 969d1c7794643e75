"""CPU time of competing functions, taken in turn, so that what else a machine does hits all of them alike."""

import time
from collections.abc import Callable, Mapping
from statistics import median

ROUNDS = 15
ROUND_SECONDS = 0.02


def seconds(functions: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Median CPU seconds of one call of each, all threads of this process counted."""
    calls = {name: _calls(function) for name, function in functions.items()}
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.process_time()
            for _ in range(calls[name]):
                function()
            taken[name].append((time.process_time() - start) / calls[name])
    return {name: median(each) for name, each in taken.items()}


def _calls(function: Callable[[], object]) -> int:
    """How many calls fill a round; the first one compiles."""
    function()
    start = time.process_time()
    function()
    return max(1, round(ROUND_SECONDS / max(time.process_time() - start, 1e-6)))
