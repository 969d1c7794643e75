"""How long utterances are: a stated distribution, and the buckets to which they are padded."""

from fractions import Fraction
from itertools import pairwise
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.errors import InvalidValue
from hwsim.quantities.fields import Utterance
from hwsim.quantities.noun import Noun, Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Share(Noun):
    """So many of all utterances have this length."""

    length: Utterance
    utterances: Annotated[int, Whole(low=1, high=10**9)]


@dataclass(frozen=True, slots=True)
class Bucket:
    """Utterances that run at one length, most of them padded to it."""

    length: int
    utterances: int
    audio: int  # of all of them, without the padding

    @property
    def padding(self) -> Fraction:
        """The share of the time that is padding."""
        return 1 - Fraction(self.audio, self.length * self.utterances)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths(Noun):
    """A distribution of utterance lengths, and the bucket lengths; without buckets each length is one.

    >>> shares = Share(length=2 * 10**12, utterances=3), Share(length=4 * 10**12, utterances=1)
    >>> [(bucket.length, bucket.utterances) for bucket in Lengths(shares=shares, buckets=(5 * 10**12,)).bucketed()]
    [(5000000000000, 4)]
    """

    shares: tuple[Share, ...]
    buckets: tuple[Utterance, ...] = ()

    def check(self) -> None:
        lengths = [share.length for share in self.shares]
        for name, values in (("shares", lengths), ("buckets", list(self.buckets))):
            if any(a >= b for a, b in pairwise(values)):
                raise InvalidValue(name, values, "must grow in length")
        if not lengths:
            raise InvalidValue("shares", lengths, "must name at least one length")
        if self.buckets and self.buckets[-1] < lengths[-1]:
            law = f"must end with a bucket of at least {lengths[-1]} ps, the longest utterance"
            raise InvalidValue("buckets", list(self.buckets), law)

    def bucketed(self) -> tuple[Bucket, ...]:
        """The buckets that have utterances, shortest first; each utterance is in the shortest one that takes it."""
        held: dict[int, list[Share]] = {}
        for share in self.shares:
            fitting = [length for length in self.buckets if length >= share.length]
            held.setdefault(fitting[0] if fitting else share.length, []).append(share)
        return tuple(
            Bucket(
                length,
                sum(share.utterances for share in shares),
                sum(share.utterances * share.length for share in shares),
            )
            for length, shares in sorted(held.items())
        )
