"""A workload whose search is as long as the one that was really made."""

from dataclasses import replace

from hwsim.errors import Unsupported
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import decoding_of, with_decoding
from hwsim.models.decoding import BeamCounts, Greedy, GreedyCounts
from hwsim.results.decoded import Decoded


def with_counts(work: Workload, decoded: Decoded | None) -> Workload:
    """The same workload with the counts of the search in its file: runs of its networks, or steps and new prefixes."""
    decoding = decoding_of(work.recipe)
    if decoded is None or decoding is None:
        raise Unsupported(f"{work.name} has no search whose counts could be measured; use --counts declared")
    if isinstance(decoding, Greedy):
        greedy = GreedyCounts(evaluations=decoded.steps, predictions=decoded.predictions)
        return with_decoding(work, replace(decoding, counts=greedy))
    counts = BeamCounts(steps=decoded.steps, new_prefixes=decoded.new_prefixes)
    return with_decoding(work, replace(decoding, counts=counts))
