"""Why a change of a chip buys what it buys, from the counters of the runs before and after it."""

from hwsim.results.tuning import Trial, gains
from hwsim.schedule.unit_table import Limit
from hwsim.study.tuning.resources import RESOURCES

_EASES = {resource.name: resource.eases for resource in RESOURCES}
TRAFFIC = 0.02
"""A share of the DRAM's traffic that is worth a word."""


def reason_of(trial: Trial, before: Trial) -> str:
    """What its moves work on, and what takes most of the time then."""
    limits = dict.fromkeys(limit for move in trial.moves for limit in _EASES[move.resource])
    parts = [share for limit in limits if (share := _share(limit, before))]
    traffic = trial.figure("dram") / before.figure("dram") - 1 if before.figure("dram") else 0.0
    if abs(traffic) >= TRAFFIC:
        parts.append(f"DRAM traffic {100 * traffic:+.0f} %".replace("-", "−"))
    parts = parts or ["no ops bound by it"]
    change = trial.gain(before, "latency")
    if gains(change) or gains(1 / change):
        parts += [f"then bound by {trial.binds}"] * (trial.binds != before.binds)
    return ", ".join(parts)


def _share(limit: Limit, before: Trial) -> str:
    """The share of the time that goes with ops that a limit binds."""
    cycles = dict(before.limits)
    share = cycles.get(limit.value, 0) / max(1, sum(cycles.values()))
    return f"{100 * share:.0f} % bound by {limit.label}" if share >= 0.005 else ""
