"""What chunks add to the work of an utterance, as results say it."""

from fractions import Fraction

from hwsim.ir.workload import Workload
from hwsim.results.result import StreamingResult


def streaming_of(workload: Workload) -> StreamingResult | None:
    """The chunks of a workload, if it is streamed."""
    stream = workload.streaming
    if stream is None:
        return None
    chunk, padding, repeated = (
        float(Fraction(length, 10**12)) for length in (stream.chunk, stream.padding, stream.repeated)
    )
    return StreamingResult(
        chunks=stream.chunks,
        chunk_seconds=chunk,
        padding_seconds=padding,
        repeated_seconds=repeated,
        symbols=stream.symbols,
    )
