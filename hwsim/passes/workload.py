"""Workloads of programs: a plan is put on a network by all passes in turn, whoever made the network."""

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from hwsim.errors import InvalidValue
from hwsim.ir.program import Program
from hwsim.ir.workload import Workload
from hwsim.passes.dynamic import with_dynamic_rows
from hwsim.passes.precision import with_precision
from hwsim.passes.scaling import with_scalings
from hwsim.passes.wanted import ruled_ops
from hwsim.quantities.precision import PrecisionPlan, policy


def under_plan(network: Program, plan: PrecisionPlan) -> Program:
    """A program of floats in the formats, with the scales and with the conversions of a plan."""
    program = with_dynamic_rows(with_scalings(with_precision(network, plan), plan), plan)
    ruled = ruled_ops(network)
    idle = plan.idle_rules(ruled)
    if idle:
        raise InvalidValue("precision.rules", idle[0].match, _idle_law(idle[0].match, ruled))
    return program


def workload_of(
    network: Program, precision: str | PrecisionPlan, *, audio: int, batch: int = 1, utterances: int | None = None
) -> Workload:
    """The workload of a program of floats, under a plan, for a batch that hears so many picoseconds of audio.

    Each of the batch is an utterance, unless fewer are stated.
    """
    plan = plan_of(precision)
    return Workload(
        name=network.name,
        audio=audio,
        batch=batch,
        precision=plan,
        program=under_plan(network, plan),
        network=network,
        utterances=batch if utterances is None else utterances,
    )


def in_precision(workload: Workload, precision: str | PrecisionPlan) -> Workload:
    """The same workload under one policy for all of it, or under another plan; its network stays as it is."""
    if workload.network is None:
        law = "has its formats from elsewhere; other plans need its program of floats"
        raise InvalidValue("workload", workload.name, law)
    plan = plan_of(precision)
    return replace(workload, precision=plan, program=under_plan(workload.network, plan))


def plan_of(precision: str | PrecisionPlan) -> PrecisionPlan:
    """The plan that a policy's name stands for, or the plan itself."""
    if not isinstance(precision, (str, PrecisionPlan)):
        raise InvalidValue("precision", precision, "must be a text or a precision plan")
    return precision if isinstance(precision, PrecisionPlan) else PrecisionPlan(policy=policy(precision).name)


def _idle_law(match: str, ruled: Sequence[str]) -> str:
    """What is wrong with a pattern that matches no op, with the nearest one that does."""
    if not ruled:
        return "matches no op with weights: the network has none"
    parts = [name.split(".")[:end] for name in ruled for end in range(1, name.count(".") + 1)]
    near = get_close_matches(match, dict.fromkeys([*ruled, *(".".join([*part, "*"]) for part in parts)]), n=1)
    return f"matches no op with weights, such as {ruled[0]}" + (f"; did you mean {near[0]}?" if near else "")
