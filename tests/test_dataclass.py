"""hwsim's `dataclass` beside that of the standard library: the same classes, with methods written when first called."""

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from functools import partial
from itertools import product
from threading import Barrier
from typing import Any

import pytest

from hwsim.dataclass import _WrittenLater
from hwsim.dataclass import dataclass as ours

OPTIONS = [
    dict(zip(("frozen", "slots", "kw_only", "eq"), each, strict=True)) for each in product((False, True), repeat=4)
]


def after(self: Any) -> None:
    object.__setattr__(self, "seen", self.first + 1)


def explicit_hash(self: Any) -> int:
    return 7


def explicit_equality(self: Any, other: object) -> bool:
    return True


BODIES: Mapping[str, Mapping[str, Any]] = {
    "fields": {
        "__annotations__": {"first": int, "rest": "list[int]", "named": str, "quiet": int, "seen": int},
        "rest": field(default_factory=list, hash=False),
        "named": field(default="x", kw_only=True),
        "quiet": field(default=0, repr=False, compare=False),
        "seen": field(default=0, init=False),
        "__post_init__": after,
    },
    "empty": {},
    "hash": {"__annotations__": {"first": int}, "__hash__": explicit_hash},
    "equality": {"__annotations__": {"first": int}, "__eq__": explicit_equality},
    "representation": {"__annotations__": {"first": int}, "__repr__": lambda self: "mine"},
    "unhashable": {"__annotations__": {"first": int}, "__hash__": None},
    "given": {"__annotations__": {"first": int, "given": int}, "given": field(default=3, init=False)},
    "state that is read": {"__annotations__": {"first": int}, "__getstate__": lambda self: [9]},
    "state that is set": {
        "__annotations__": {"first": int},
        "__setstate__": lambda self, state: object.__setattr__(self, "first", 99),
    },
    "state": {
        "__annotations__": {"first": int},
        "__getstate__": lambda self: 5,
        "__setstate__": lambda self, state: object.__setattr__(self, "first", state),
    },
}


def classes(body: Mapping[str, Any], options: Mapping[str, bool]) -> list[Any]:
    """The class that the standard library makes, and ours; fields are made anew, since each class keeps its own."""

    def own() -> dict[str, Any]:
        return {"__doc__": "a class", "__module__": __name__, "__qualname__": "Same"} | {
            name: copy.copy(value) if isinstance(value, dataclasses.Field) else value for name, value in body.items()
        }

    makers: list[Callable[..., Any]] = [dataclasses.dataclass, ours]
    return [make(**options)(type("Same", (), own())) for make in makers]


def values(cls: Any) -> list[Any]:
    if not dataclasses.fields(cls):
        return [cls(), cls()]
    return [cls(first=1), cls(first=1), cls(first=2)]


def outcome(work: Callable[[], object]) -> tuple[str, object]:
    try:
        return "gives", work()
    except Exception as error:
        return type(error).__name__, str(error)


def observed(cls: Any) -> dict[str, object]:
    """All that a caller can see of a class and of some of its values."""
    some = values(cls)
    # Of a name that is no field a frozen class with slots says nothing sensible.
    known = next((one.name for one in dataclasses.fields(cls)), None)
    return {
        "signature": str(inspect.signature(cls)),
        "called without": outcome(lambda: cls(nothing=1)),
        "matched": cls.__match_args__,
        "fields": [(one.name, one.type, one.init, one.kw_only) for one in dataclasses.fields(cls)],
        "written": [repr(one) if cls.__repr__ is not object.__repr__ else "" for one in some],
        "equal": [one == other for one, other in product(some, some)],
        "equal to others": [one == 1 for one in some],
        "hashes": [outcome(partial(hash, one)) for one in some] if cls.__hash__ is not object.__hash__ else "",
        "assigned": outcome(lambda: setattr(some[0], known, 5)) if known else "",
        "deleted": outcome(lambda: delattr(values(cls)[0], known)) if known else "",
        "replaced": outcome(lambda: dataclasses.asdict(dataclasses.replace(some[-1]))),
        "copied": outcome(lambda: dataclasses.asdict(copy.deepcopy(some[-1]))),
        "state": outcome(lambda: some[0].__getstate__()) if cls.__hash__ is not object.__hash__ else "",
        "values": [outcome(partial(dataclasses.asdict, one)) for one in some],
        "has slots": "__slots__" in vars(cls),
    }


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_is_the_class_of_the_standard_library(body: str, options: dict[str, bool]) -> None:
    theirs, mine = classes(BODIES[body], options)
    assert observed(mine) == observed(theirs)


def test_methods_are_written_when_they_are_looked_for() -> None:
    _, mine = classes(BODIES["fields"], {"frozen": True, "slots": True})
    later = ("__init__", "__repr__", "__eq__", "__hash__")
    assert all(isinstance(vars(mine)[name], _WrittenLater) for name in later)
    value = mine(first=1)
    assert inspect.isfunction(vars(mine)["__init__"])
    assert isinstance(vars(mine)["__hash__"], _WrittenLater)
    assert {value: 3}[mine(first=1)] == 3
    assert inspect.isfunction(vars(mine)["__hash__"])


@ours
class Changing:
    first: int


@ours(frozen=True, slots=True)
class Base:
    first: int
    second: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Theirs(Base):
    """A class of somebody who does not know of ours."""

    third: str = "c"


@ours(frozen=True, slots=True, kw_only=True)
class Derived(Base):
    third: str = "c"
    first: int = 4


def test_fields_of_a_base_come_first_and_are_its_own() -> None:
    assert Derived(second=(1,)) == Derived(first=4, second=(1,), third="c")
    assert (
        str(inspect.signature(Derived)) == "(second: tuple[int, ...] = (), *, first: int = 4, third: str = 'c') -> None"
    )
    assert Base(1) != Derived(first=1)
    assert repr(Base(1)) == "Base(first=1, second=())"


def test_a_frozen_class_inherits_from_no_other() -> None:
    with pytest.raises(TypeError, match="cannot inherit frozen dataclass from a non-frozen one"):

        @ours(frozen=True)
        class Frozen(Changing):  # type: ignore[misc]
            second: int = 0


@pytest.mark.parametrize("value", [Base(1, (2, 3)), Derived(third="d"), Theirs(1)])
def test_values_of_classes_that_inherit_are_frozen_and_kept_by_pickle(value: object) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'first'"):
        value.first = 3  # type: ignore[attr-defined]
    assert pickle.loads(pickle.dumps(value)) == value


def test_two_threads_may_look_for_a_method_at_once() -> None:
    for _ in range(20):
        _, mine = classes(BODIES["fields"], {"frozen": True, "slots": True})
        together = Barrier(4)

        def made(number: int, cls: Any = mine, together: Barrier = together) -> Any:
            together.wait()
            return cls(first=number)

        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(made, (1, 1, 1, 1)))
        assert len(set(found)) == 1
