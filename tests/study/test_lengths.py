"""Utterances of stated lengths run in buckets, and each bucket is a run of its own."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import ROOT
from hwsim.errors import FileProblem, InvalidValue, Unsupported
from hwsim.inputs.check import check
from hwsim.ir.lengths import Lengths, Share
from hwsim.mapping.planner import Planned, Planner
from hwsim.mapping.search_budget import MOST_MADE, MOST_WORK, SearchBudget
from hwsim.models.catalogue import workload
from hwsim.report.full import full_text
from hwsim.report.tables import Screen
from hwsim.study import lengths as over_lengths
from hwsim.study.facts import sizes_of
from hwsim.study.simulate import simulate
from models.test_rnnt import recipe
from strategies.chips import chip

SECOND = 10**12


def lengths(shares: dict[int, int], *buckets: int) -> Lengths:
    """Utterances by tenths of a second."""
    return Lengths(
        shares=tuple(Share(length=tenths * SECOND // 10, utterances=count) for tenths, count in shares.items()),
        buckets=tuple(tenths * SECOND // 10 for tenths in buckets),
    )


@given(st.dictionaries(st.integers(1, 30), st.integers(1, 9), min_size=1), st.sets(st.integers(1, 40)))
def test_each_utterance_is_in_the_shortest_bucket_that_takes_it(shares: dict[int, int], edges: set[int]) -> None:
    stated = dict(sorted(shares.items()))
    ends = sorted({edge for edge in edges if edge < max(stated)} | {max(stated) + 1})
    found = lengths(stated, *ends).bucketed()
    assert sum(bucket.utterances for bucket in found) == sum(stated.values())
    assert sum(bucket.audio for bucket in found) == sum(n * count * SECOND // 10 for n, count in stated.items())
    for bucket in found:
        end = bucket.length * 10 // SECOND
        inside = [n for n in stated if n <= end and all(not n <= other < end for other in ends)]
        assert bucket.utterances == sum(stated[n] for n in inside)
        assert 0 <= bucket.padding < 1


def test_without_buckets_each_length_is_one() -> None:
    assert [bucket.padding for bucket in lengths({1: 3, 5: 2}).bucketed()] == [0, 0]


@pytest.mark.parametrize(
    ("shares", "buckets", "message"),
    [
        ({5: 1, 3: 1}, (), "shares = .*: must grow in length"),
        ({3: 1}, (5, 4), "buckets = .*: must grow in length"),
        ({3: 1}, (2,), "buckets = .*: must end with a bucket of at least 300000000000 ps, the longest utterance"),
        ({}, (), "shares = .*: must name at least one length"),
    ],
)
def test_distributions_that_cannot_be_are_refused(
    shares: dict[int, int], buckets: tuple[int, ...], message: str
) -> None:
    with pytest.raises(InvalidValue, match=message):
        lengths(shares, *buckets)


def test_a_distribution_is_a_run_for_each_bucket() -> None:
    """Five utterances of 0.1 s and two of 0.3 s, in batches of two: three batches and one."""
    base = recipe(batch=2)
    stated = replace(base, lengths=lengths({1: 5, 3: 2}, 2, 3))
    result = simulate(chip(), workload(stated))
    found = result.lengths
    assert found is not None
    alone = [
        simulate(chip(), workload(replace(base, audio=tenths * SECOND // 10))).summary.latency_ms for tenths in (2, 3)
    ]
    assert [(b.length_seconds, b.utterances, b.batches, b.latency_ms) for b in found.buckets] == [
        (0.2, 5, 3, alone[0]),
        (0.3, 2, 1, alone[1]),
    ]
    assert found.padding == float(1 - Fraction(5 + 6, 10 + 6))
    assert found.throughput_rtf == pytest.approx((3 * alone[0] + alone[1]) / 1100, rel=1e-12)
    assert (found.latency_p50_ms, found.latency_p99_ms) == tuple(alone)
    assert "Utterance lengths: throughput RTF" in full_text(result, 10**9, Screen())
    assert simulate(chip(), workload(base)).lengths is None


@pytest.mark.parametrize(
    ("length", "law"),
    [("300 s", "'5 min': makes 1050 symbols, more than the context of 512; shorten it")],
)
def test_lengths_that_the_network_does_not_take_are_found_by_check(length: str, law: str, tmp_path: Path) -> None:
    text = (ROOT / "workloads" / "transformer_lm.yaml").read_text()
    shares = f"lengths: {{shares: [{{length: 1 s, utterances: 1}}, {{length: {length}, utterances: 2}}]}}"
    path = tmp_path / "long.yaml"
    path.write_text(f"{shares}\n{text}")
    with pytest.raises(FileProblem) as raised:
        check(str(path))
    assert str(raised.value) == f"{path}:1: lengths = {law}"


@pytest.mark.parametrize("name", ["a" * 300, "a" * 300 + ".yaml"])
def test_a_name_that_no_file_can_have_is_one_clear_line(name: str) -> None:
    with pytest.raises(FileProblem, match=r"^[^\n]*cannot be read: [^\n]*$"):
        check(name)


class Searches(list[Planner]):
    """The planners that were asked; with `refusing` asking is a mistake."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, refusing: bool = False) -> None:
        super().__init__()
        plan = Planner.plan

        def noted(planner: Planner, *given: Any, **named: Any) -> Planned:
            assert not refusing, "nothing need be planned"
            self.append(planner)
            return plan(planner, *given, **named)

        monkeypatch.setattr(Planner, "plan", noted)


def test_a_workload_and_its_lengths_share_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    several, asked = replace(workload(recipe()), lengths=lengths({5: 1, 10: 1, 20: 1})), Searches(monkeypatch)
    simulate(chip(), several)
    budgets = [SearchBudget.shared(planner.searches) for planner in asked]
    assert len(budgets) == 4
    assert sum(budget.most for budget in budgets) == MOST_WORK
    assert sum(budget.most_made for budget in budgets) == MOST_MADE
    simulate(chip(), replace(several, lengths=None))
    assert [planner.searches for planner in asked[4:]] == [1]  # planned anew, with all of the budget


def test_lengths_that_are_refused_are_not_planned_before(monkeypatch: pytest.MonkeyPatch) -> None:
    several = replace(workload(recipe()), lengths=lengths({5: 1, 10: 1, 20: 1}))
    monkeypatch.setattr(over_lengths, "MOST_OPS", 2 * sizes_of(several.program))
    Searches(monkeypatch, refusing=True)
    with pytest.raises(Unsupported, match="over its lengths its ops change their sizes more than"):
        simulate(chip(), several)


def test_lengths_that_are_too_many_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them alone is planned."""
    several = replace(workload(recipe()), lengths=lengths({5: 1, 10: 1, 20: 1}))
    assert simulate(chip(), several).lengths is not None
    monkeypatch.setattr(over_lengths, "MOST_OPS", 2 * sizes_of(several.program))
    with pytest.raises(Unsupported, match=r"over its lengths its ops change their sizes more than [\d,]+ times"):
        simulate(chip(), several)
