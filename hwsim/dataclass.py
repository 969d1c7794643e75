"""The `dataclass` of the standard library, whose methods are written when they are first called.

A dataclass has six to nine methods, each of which the standard library writes as text and compiles when the class is
made: 1 ms for a frozen class of five fields, and a run of a model file imports 420, most of which make no value.
Here a class gets its fields (which the standard library finds) at once, and each method at its first call (which the
standard library writes, too).
"""

import dataclasses
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, slots=False, kw_only=False, eq=True):
        """`dataclasses.dataclass`, with those of its options that hwsim uses."""

        def made(cls):
            return _dataclass(cls, frozen, slots, kw_only, eq)

        return made if cls is None else made(cls)


def _dataclass(cls: type, frozen: bool, slots: bool, kw_only: bool, eq: bool) -> type:
    own = set(vars(cls))
    # A class that says what is equal has a `__hash__` of None, unless it says that too.
    hashes = "__hash__" in own and not (vars(cls)["__hash__"] is None and "__eq__" in own)
    # The standard library must know of a frozen class that inherits from a dataclass, and writes two methods at once.
    inherits = any(dataclasses.is_dataclass(base) for base in cls.__bases__)
    cls = dataclasses.dataclass(
        init=False, repr=False, eq=False, slots=slots, kw_only=kw_only, frozen=frozen and inherits
    )(cls)
    for name in ("__init__", "__repr__", *(("__eq__",) if eq else ())):
        if name not in own:
            _set(cls, name, _WrittenLater(cls, name))
    if frozen and not inherits:
        cls.__dataclass_params__.frozen = True  # type: ignore[attr-defined]  # a dataclass has them
        _set(cls, "__setattr__", _no_assignment)
        _set(cls, "__delattr__", _no_deletion)
        # What copies and pickles values sets attributes, unless the class says otherwise.
        for name, method in (("__getstate__", _state), ("__setstate__", _restore)) if slots else ():
            if name not in own:
                _set(cls, name, method)
    if eq and not hashes:
        _set(cls, "__hash__", _WrittenLater(cls, "__hash__") if frozen else None)
    return cls


def _set(cls: type, name: str, value: object) -> None:
    type.__setattr__(cls, name, value)


class _WrittenLater:
    """A method that whoever looks for it first puts in its place, as the standard library writes it."""

    __slots__ = ("cls", "name")

    def __init__(self, cls: type, name: str) -> None:
        self.cls, self.name = cls, name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        method = _written(self.cls, self.name)
        _set(self.cls, self.name, method)
        return method.__get__(instance, owner)


def _written(cls: Any, name: str) -> Any:
    """The method of a class with the same fields: no method speaks of the class that it is in."""
    fields = dataclasses.fields(cls)
    body: dict[str, Any] = {field.name: field for field in fields}
    body["__annotations__"] = {field.name: field.type for field in fields}
    body["__module__"], body["__doc__"] = cls.__module__, cls.__name__
    if hasattr(cls, "__post_init__"):
        body["__post_init__"] = cls.__post_init__
    asked = {
        "__init__": {"init": True, "frozen": cls.__dataclass_params__.frozen, "slots": "__slots__" in vars(cls)},
        "__repr__": {"repr": True},
        "__eq__": {"eq": True},
        "__hash__": {"eq": True, "unsafe_hash": True},
    }[name]
    options = {"init": False, "repr": False, "eq": False, "match_args": False} | asked
    written = vars(dataclasses.dataclass(**options)(type(cls.__name__, (), body)))[name]
    written.__qualname__ = f"{cls.__qualname__}.{name}"
    return written


def _no_assignment(self: object, name: str, value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _no_deletion(self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
