"""A workload whose search is as long as the one that was really made."""

from dataclasses import replace
from fractions import Fraction
from typing import Any, cast

from hwsim.core.decoded import Decoded
from hwsim.core.program import Loop, Node
from hwsim.core.workload import Workload
from hwsim.engine.decode.decoder import decoding_of
from hwsim.errors import Unsupported
from hwsim.models.catalogue import workload
from hwsim.models.decoding import AlignmentLength, TimeSynchronous, new_prefixes, steps_of
from hwsim.models.rnnt import Rnnt

STEPS = "search.steps"


def with_counts(work: Workload, decoded: Decoded | None) -> Workload:
    """The same workload, its loops over steps and symbols as often as the search ran them.

    A beam search also computes as many new prefixes in each step as the search met on average, rounded up.
    """
    if decoded is None:
        raise Unsupported(f"{work.name} has no search whose counts could be measured; use --counts declared")
    times = {"search.symbols": decoded.predictions, "search.evaluations": decoded.steps, STEPS: decoded.steps}
    chunks = [node.times for node in work.program.body if isinstance(node, Loop) and node.name == "chunks"]
    if chunks:
        # Every chunk runs the same body: the counts of all of them, evenly, rounded up.
        times = {name: -(-count // chunks[0]) for name, count in times.items()}
    made = _with_prefixes(work, decoded, chunks[0] if chunks else 1)
    body = tuple(_with_times(node, times) for node in made.program.body)
    return replace(made, program=replace(made.program, body=body))


def _with_times(node: Node, times: dict[str, int]) -> Node:
    if not isinstance(node, Loop):
        return node
    body = tuple(_with_times(inner, times) for inner in node.body)
    return replace(node, times=max(1, times.get(node.name, node.times)), body=body)


def _with_prefixes(work: Workload, decoded: Decoded, chunks: int) -> Workload:
    """The workload that declares as many symbols as give the measured number of new prefixes in each step."""
    decoding = decoding_of(work)
    if not isinstance(decoding, TimeSynchronous | AlignmentLength) or not decoding.cache_prediction:
        return work
    wanted = min(decoding.beam, max(1, -(-decoded.new_prefixes // (decoded.steps * work.batch))))
    recipe = cast(Any, work.recipe)
    frames = _frames(work, decoding, recipe.symbols)
    symbols = next(n for n in range(frames * decoding.beam + 2) if _enough(decoding, frames, n, wanted))
    rate = Fraction(symbols * chunks) / work.audio_seconds
    other = replace(decoding, symbols_per_second=rate)
    if isinstance(recipe, Rnnt):
        return workload(replace(recipe, decoding=other), work.precision)
    return workload(replace(recipe, decoder=replace(recipe.decoder, decoding=other)), work.precision)


def _frames(work: Workload, decoding: TimeSynchronous | AlignmentLength, symbols: int) -> int:
    """Encoded frames of one piece, from the steps that are declared."""
    (steps,) = (loop.times for placed in work.program.placed() for loop in placed.loops[-1:] if loop.name == STEPS
                and placed.op.name == "search.choose")  # fmt: skip
    if isinstance(decoding, TimeSynchronous):
        return steps // decoding.expansions
    return steps - symbols


def _enough(decoding: TimeSynchronous | AlignmentLength, frames: int, symbols: int, wanted: int) -> bool:
    return steps_of(decoding, frames, symbols) > 0 and new_prefixes(decoding, frames, symbols) >= wanted
