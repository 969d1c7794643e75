"""A workload whose search is as long as the one that was really made."""

from dataclasses import replace
from typing import cast

from hwsim.core.decoded import Decoded
from hwsim.core.program import Loop
from hwsim.core.workload import Workload
from hwsim.engine.decode.decoder import decoding_of
from hwsim.errors import Unsupported
from hwsim.models.catalogue import AnyRecipe, with_decoding, workload
from hwsim.models.decoding import BeamCounts, BeamSearch, Greedy, GreedyCounts


def with_counts(work: Workload, decoded: Decoded | None) -> Workload:
    """The same workload with the counts of the search in its file: runs of its networks, or steps and new prefixes.

    A beam search computes as many new prefixes in each step as the search met on average, rounded up. Every chunk of a
    stream runs the same body: the counts of all of them, evenly, rounded up.
    """
    decoding = decoding_of(work)
    if decoded is None or decoding is None:
        raise Unsupported(f"{work.name} has no search whose counts could be measured; use --counts declared")
    chunks = next((node.times for node in work.program.body if isinstance(node, Loop) and node.name == "chunks"), 1)
    steps = -(-decoded.steps // chunks)
    if isinstance(decoding, Greedy):
        counted = GreedyCounts(evaluations=steps, predictions=-(-decoded.predictions // chunks))
        return _with(work, replace(decoding, counts=counted))
    new = -(-decoded.new_prefixes // (decoded.steps * work.batch))
    return _with(work, replace(decoding, counts=BeamCounts(steps=steps, new_prefixes=min(decoding.beam, max(1, new)))))


def _with(work: Workload, decoding: Greedy | BeamSearch) -> Workload:
    return workload(with_decoding(cast(AnyRecipe, work.recipe), decoding), work.precision)
