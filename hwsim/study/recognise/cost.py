"""Time and energy of utterances on a chip, in buckets of like lengths."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import AnyChip, prices_of
from hwsim.ir.workload import Workload
from hwsim.mapping.plan_store import PlanStore
from hwsim.models.catalogue import decoding_of, with_decoding
from hwsim.models.decoding import BeamCounts, Greedy, GreedyCounts
from hwsim.price.book import PriceBook
from hwsim.price.price import Tariff
from hwsim.price.tile_prices import AnalogTariff
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
    chip: AnyChip, at_length_of: Callable[[str], Workload], spoken: Sequence[Spoken], buckets: int
) -> RecognitionCost:
    """What a chip needs for these utterances, one after another; `at_length_of` gives the workload for one of them.

    They are parted by their lengths into as many buckets as are asked for, of equally many utterances. Each bucket is
    timed at the length of the one utterance that is nearest to its mean, with the mean counts of its searches, rounded
    up; all of its audio needs, second for second, what that one does.
    """
    ordered = sorted(spoken, key=lambda one: (one.audio, one.name))
    parts = min(buckets, len(ordered))
    edges = [len(ordered) * part // parts for part in range(parts + 1)]
    found, area, model, store = [], 0.0, 0, PlanStore()
    for first, last in pairwise(edges):
        held = ordered[first:last]
        audio = sum(one.audio for one in held)
        middle = min(held, key=lambda one: (abs(one.audio * len(held) - audio), one.name))
        counts = _mean([one.evaluations for one in held]), _mean([one.predictions for one in held])
        work = counted(at_length_of(middle.name), *counts)
        summary = (run := simulate(chip, work, plans=store)).summary
        area, model = run.area.total_mm2, summary.model_bytes
        found.append(
            PricedBucket(
                seconds=middle.audio / PICOSECONDS,
                utterances=len(held),
                audio_seconds=audio / PICOSECONDS,
                evaluations=counts[0],
                predictions=counts[1],
                latency_ms=summary.latency_ms,
                energy_aj=summary.energy_aj,
                dram_bytes=summary.dram_read_bytes + summary.dram_write_bytes,
            )
        )
    return _whole(found, area, model)


def check_priced(chip: AnyChip) -> None:
    """Refuse a chip whose price table lacks something, before anything is heard on it."""
    try:
        book = PriceBook(chip, prices_of(chip))
        if isinstance(chip, Chip):
            Tariff.of(book)
        else:
            AnalogTariff.of(book)
    except Unsupported as error:
        raise Unsupported(f"{error}; --buckets 0 leaves time and energy out") from error


def _whole(buckets: Sequence[PricedBucket], area_mm2: float, model_bytes: int) -> RecognitionCost:
    """All buckets together."""
    audio = sum(Fraction(bucket.audio_seconds) for bucket in buckets)
    times = [Fraction(bucket.audio_seconds) / Fraction(bucket.seconds) for bucket in buckets]
    milliseconds = sum(Fraction(bucket.latency_ms) * often for bucket, often in zip(buckets, times, strict=True))
    energy = round(sum(bucket.energy_aj * often for bucket, often in zip(buckets, times, strict=True)))
    moved = round(sum(bucket.dram_bytes * often for bucket, often in zip(buckets, times, strict=True)))
    return RecognitionCost(
        rtf=float(milliseconds / 1000 / audio),
        energy_aj=energy,
        energy_per_audio_second_mj=float(Fraction(energy, 10**15) / audio),
        dram_bytes=moved,
        model_bytes=model_bytes,
        area_mm2=area_mm2,
        buckets=tuple(buckets),
    )


def _mean(counts: Sequence[int]) -> int:
    """The mean of counts, rounded up."""
    return -(-sum(counts) // len(counts))


def counted(work: Workload, evaluations: int, predictions: int) -> Workload:
    """The workload with the counts of its search, if it has one."""
    decoding = decoding_of(work.recipe)
    if decoding is None:
        return work
    if isinstance(decoding, Greedy):
        counts = GreedyCounts(evaluations=evaluations, predictions=predictions)
        return with_decoding(work, replace(decoding, counts=counts))
    return with_decoding(work, replace(decoding, counts=BeamCounts(steps=evaluations, new_prefixes=predictions)))
