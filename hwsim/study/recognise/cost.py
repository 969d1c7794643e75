"""Time and energy of utterances on a chip, in buckets of like lengths."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from hwsim.hardware.chip import Chip
from hwsim.ir.workload import Workload
from hwsim.mapping.plan_store import PlanStore
from hwsim.models.catalogue import decoding_of, with_decoding
from hwsim.models.decoding import BeamCounts, Greedy, GreedyCounts
from hwsim.results.recognition import PricedBucket, RecognitionCost
from hwsim.study.simulate import simulate

PICOSECONDS = 10**12


@dataclass(frozen=True, slots=True)
class Spoken:
    """How long an utterance is, in picoseconds, and what its search did."""

    name: str
    audio: int
    evaluations: int
    predictions: int


def cost_of(
    chip: Chip, at_length_of: Callable[[str], Workload], spoken: Sequence[Spoken], buckets: int
) -> RecognitionCost:
    """What a chip needs for these utterances, one after another; `at_length_of` gives the workload for one of them.

    They are parted by their lengths into as many buckets as are asked for, of equally many utterances. Each is timed
    as long as the longest of its bucket, with the bucket's mean counts, rounded up.
    """
    ordered = sorted(spoken, key=lambda one: (one.audio, one.name))
    parts = min(buckets, len(ordered))
    edges = [len(ordered) * part // parts for part in range(parts + 1)]
    found, area, model, store = [], 0.0, 0, PlanStore()
    for first, last in zip(edges[:-1], edges[1:], strict=True):
        held = ordered[first:last]
        longest = held[-1]
        work = _counted(at_length_of(longest.name), _mean(held, "evaluations"), _mean(held, "predictions"))
        run = simulate(chip, work, plans=store)
        area, model = run.area.total_mm2, run.summary.model_bytes
        found.append(
            PricedBucket(
                seconds=longest.audio / PICOSECONDS,
                utterances=len(held),
                evaluations=_mean(held, "evaluations"),
                predictions=_mean(held, "predictions"),
                latency_ms=run.summary.latency_ms,
                energy_aj=run.summary.energy_aj,
                dram_bytes=run.summary.dram_read_bytes + run.summary.dram_write_bytes,
            )
        )
    audio = Fraction(sum(one.audio for one in ordered), PICOSECONDS)
    whole = sum(Fraction(bucket.seconds) * bucket.utterances for bucket in found)
    energy = sum(bucket.energy_aj * bucket.utterances for bucket in found)
    milliseconds = sum(Fraction(bucket.latency_ms) * bucket.utterances for bucket in found)
    return RecognitionCost(
        rtf=float(milliseconds / 1000 / audio),
        energy_aj=energy,
        energy_per_audio_second_mj=float(Fraction(energy, 10**15) / audio),
        dram_bytes=sum(bucket.dram_bytes * bucket.utterances for bucket in found),
        model_bytes=model,
        area_mm2=area,
        padding=max(0.0, float(1 - audio / whole)),
        buckets=tuple(found),
    )


def _mean(held: Sequence[Spoken], count: str) -> int:
    """The mean of a count, rounded up."""
    return -(-sum(getattr(one, count) for one in held) // len(held))


def _counted(work: Workload, evaluations: int, predictions: int) -> Workload:
    """The workload with the counts of its search, if it has one."""
    decoding = decoding_of(work.recipe)
    if decoding is None:
        return work
    if isinstance(decoding, Greedy):
        counts = GreedyCounts(evaluations=evaluations, predictions=predictions)
        return with_decoding(work, replace(decoding, counts=counts))
    return with_decoding(work, replace(decoding, counts=BeamCounts(steps=evaluations, new_prefixes=predictions)))
