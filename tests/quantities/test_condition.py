"""Conditions say what Python would say of the same comparison, and nothing else is read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import InvalidValue
from hwsim.quantities.condition import DEEPEST, Condition
from hwsim.quantities.fields import BYTES, BYTES_PER_SECOND

NAMES = {"a": 3, "b.c": 0.5, "d": -2}


def expressions() -> st.SearchStrategy[tuple[str, str]]:
    """A condition, and the same in Python."""
    leaves = st.one_of(
        st.integers(0, 9).map(lambda number: (str(number), str(number))),
        st.sampled_from(sorted(NAMES)).map(lambda name: (name, f"({NAMES[name]})")),
    )
    sums = st.recursive(
        leaves,
        lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(
            lambda three: (f"({three[0][0]} {three[1]} {three[2][0]})", f"({three[0][1]} {three[1]} {three[2][1]})")
        ),
        max_leaves=4,
    )
    compared = st.tuples(sums, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), sums).map(
        lambda three: (f"{three[0][0]} {three[1]} {three[2][0]}", f"({three[0][1]} {three[1]} {three[2][1]})")
    )
    return st.recursive(
        compared,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
                lambda three: (
                    f"({three[0][0]}) {three[1]} ({three[2][0]})",
                    f"({three[0][1]} {three[1]} {three[2][1]})",
                )
            ),
            inner.map(lambda one: (f"not ({one[0]})", f"(not {one[1]})")),
        ),
        max_leaves=4,
    )


@given(expressions())
def test_a_condition_holds_where_the_same_comparison_does(both: tuple[str, str]) -> None:
    condition, python = both
    assert Condition.read(condition).holds(NAMES) is bool(eval(python))


@pytest.mark.parametrize(
    ("text", "values", "holds"),
    [
        ("1 < a <= 3", {"a": 3}, True),
        ("1 < a < 3", {"a": 3}, False),
        ("a < 2 or a > 2 and b == 1", {"a": 1, "b": 0}, True),
        ("not a == 1 and b == 1", {"a": 2, "b": 1}, True),
        ("a / b > 2", {"a": 1, "b": 0}, False),
        ("a > 1", {"a": None}, False),
        ("-a < 1e-3", {"a": 0}, True),
        ("dataflow == 'ws'", {"dataflow": "ws"}, True),
    ],
)
def test_chains_signs_and_what_is_missing(text: str, values: dict[str, Any], holds: bool) -> None:
    assert Condition.read(text).holds(values) is holds


def test_amounts_are_in_the_unit_of_the_field_beside_them() -> None:
    units = {"scratchpad.size": BYTES, "dram.read": BYTES_PER_SECOND, "rtf": None}
    bound = Condition.read("scratchpad.size <= 1 MiB and 8 GB/s < dram.read").bound(units)
    assert bound.holds({"scratchpad.size": 2**20, "dram.read": 9 * 10**9})
    assert not bound.holds({"scratchpad.size": 2**20 + 1, "dram.read": 9 * 10**9})
    assert not bound.holds({"scratchpad.size": 2**20, "dram.read": 8 * 10**9})


def test_a_word_beside_a_text_is_that_text() -> None:
    bound = Condition.read("array.dataflow == ws").bound({"array.dataflow": None}, ["array.dataflow"])
    assert bound.holds({"array.dataflow": "ws"})
    assert not bound.holds({"array.dataflow": "os"})


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("rtf", "must compare something, such as rtf < 0.01"),
        ("rtf <", "ends where a number, a field or a figure is wanted"),
        ("rtf < 1)", "has '\\)' where it should end"),
        ("(rtf < 1", "ends where|must close each parenthesis"),
        ("rtf < 1 and 3", "joins something that compares nothing"),
        ("(rtf < 1) + 2 < 3", "calculates with a comparison"),
        ("__import__('os') < 1", "has '\\(' where it should end"),
        ("rtf < 1; rtf", "has ';', which no condition has"),
        ("and < 1", "has 'and' where a number, a field or a figure is wanted"),
        ("(" * (DEEPEST + 1) + "1 < 2" + ")" * (DEEPEST + 1), f"is nested more than {DEEPEST} deep"),
        ("rtf < " + "1" * 500, "must have at most"),
    ],
)
def test_what_is_no_condition_is_refused(text: str, law: str) -> None:
    with pytest.raises(InvalidValue, match=law):
        Condition.read(text)


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("rft < 1", "unknown field or figure 'rft'; did you mean rtf"),
        ("rtf < 1 ms", "has a number in ms beside rtf, which has no unit"),
        ("2 * rtf < 1 ms", "has a number in ms beside no single field or figure"),
        ("scratchpad.size < 1 GHz", "scratchpad.size: unknown unit 'GHz'"),
        ("array.dataflow < 3", "compares array.dataflow, which is a text, with a number"),
        ("array.dataflow + 1 < 3", "calculates with array.dataflow, which is a text"),
    ],
)
def test_names_and_units_that_do_not_fit_are_refused(text: str, law: str) -> None:
    units = {"scratchpad.size": BYTES, "rtf": None, "array.dataflow": None}
    with pytest.raises(InvalidValue, match=law):
        Condition.read(text).bound(units, ["array.dataflow"])
