"""Laws of what callers pass beside nouns: names, mappings of texts, counts."""

from collections.abc import Mapping

from hwsim.errors import InvalidValue


def must_be_named(**given: object) -> None:
    """Refuse what is neither a name nor None.

    >>> must_be_named(point="slow", explained=1)
    Traceback (most recent call last):
    hwsim.errors.InvalidValue: explained = 1: must be a text
    """
    for place, value in given.items():
        if value is not None and not isinstance(value, str):
            raise InvalidValue(place, value, "must be a text")


def must_map_names(kind: type[object], what: str, **given: object) -> None:
    """Refuse what is neither None nor a mapping of names to values of a kind.

    >>> must_map_names(str, "a text", files={"chip.yaml": 3})
    Traceback (most recent call last):
    hwsim.errors.InvalidValue: files.chip.yaml = 3: must be a text
    """
    for place, value in given.items():
        if value is None:
            continue
        if not isinstance(value, Mapping):
            raise InvalidValue(place, value, "must be a mapping")
        for name, one in value.items():
            if not isinstance(name, str):
                raise InvalidValue(place, name, "must have texts as its keys")
            if not isinstance(one, kind) or isinstance(one, bool):
                raise InvalidValue(f"{place}.{name}", one, f"must be {what}")
