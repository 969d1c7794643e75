"""Rows that are made late are what they would have been at once."""

import pickle
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from hwsim.quantities.rows import Rows


def rows(items: list[int], made: list[int]) -> Rows[int]:
    """These items, which note how often they are made."""

    def make() -> Iterator[int]:
        made.append(1)
        return iter(items)

    return Rows(len(items), make)


@given(st.lists(st.integers()), st.lists(st.integers()))
def test_rows_are_equal_to_the_tuple_of_their_items_alone(items: list[int], others: list[int]) -> None:
    made = tuple(items)
    assert rows(items, []) == made
    assert made == rows(items, [])
    assert (rows(items, []) == rows(others, [])) == (items == others)
    assert (hash(rows(items, [])), repr(rows(items, []))) == (hash(made), repr(made))
    assert rows(items, []) != items
    assert pickle.loads(pickle.dumps(rows(items, []))) == made


@given(st.lists(st.integers()))
def test_rows_are_made_once_by_the_first_who_reads_them(items: list[int]) -> None:
    made: list[int] = []
    late = rows(items, made)
    assert (len(late), made) == (len(items), [])
    assert list(late) == list(late) == [late[place] for place in range(len(items))]
    assert made == [1]
