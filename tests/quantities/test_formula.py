"""A formula comes to what Python makes of it, and nothing else is a formula."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.errors import InvalidValue
from hwsim.quantities.formula import DEEPEST, LONGEST, Figure, Formula

VALUES = {"a": 3.0, "b.c": 0.5, "b.c_2[x.*.y, z]": 7.0, "_d": 11.0}

leaves = st.one_of(
    st.floats(0.001, 1e6).map(lambda value: f"{value:.3f}"), st.integers(0, 999).map(str), st.sampled_from([*VALUES])
)
formulas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", " + ", " * "]), inner).map("".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-{text}"),
    ),
    max_leaves=12,
)


def known(figure: Figure) -> float:
    return VALUES[str(figure)]


def by_python(text: str) -> float:
    """The same by Python's own grammar, figures replaced by what they are; the longest name first."""
    for name in sorted(VALUES, key=len, reverse=True):
        text = text.replace(name, f"({VALUES[name]})")
    return float(eval(text, {"__builtins__": {}}))


@given(formulas)
def test_a_formula_comes_to_what_python_makes_of_it(text: str) -> None:
    formula = Formula.read(text)
    assert {str(figure) for figure in formula.figures} <= set(VALUES)
    try:
        wanted = by_python(text)
    except ZeroDivisionError:
        with pytest.raises(InvalidValue, match="divides by a figure that is zero"):
            formula.value(known)
        return
    assert math.isclose(formula.value(known), wanted, rel_tol=1e-9, abs_tol=1e-9)


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("", "ends where a number or a figure is wanted"),
        ("a +", "ends where a number or a figure is wanted"),
        ("(a", "ends where a number or a figure is wanted"),
        ("(a]", "has ']', which no formula has"),
        ("(a b", "must close each parenthesis"),
        ("a b", "has 'b' where it should end"),
        ("a..b", "has '.' where a figure of a is wanted"),
        ("a.3", "has '3' where a figure of a is wanted"),
        ("* a", "has '*' where a number or a figure is wanted"),
        ("__import__('os')", 'has "\'", which no formula has'),
        ("a if b", "has 'if' where it should end"),
        ("a ** b", "has '*' where a number or a figure is wanted"),
        ("a[b[c]]", "has '[', which no formula has"),
        ("1" * (LONGEST + 1), "must have at most"),
    ],
)
def test_what_is_no_formula_is_refused(text: str, law: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        Formula.read(text)
    assert law in str(refused.value)


@pytest.mark.parametrize(("before", "behind"), [("(", ")"), ("-", "")])
def test_depth_is_bounded(before: str, behind: str) -> None:
    def nested(times: int) -> Formula:
        return Formula.read(before * times + "1" + behind * times)

    assert abs(nested(DEEPEST).value(known)) == 1.0
    with pytest.raises(InvalidValue, match=f"is nested more than {DEEPEST} deep"):
        nested(DEEPEST + 1)
