"""What nouns offer and higher rooms do: nouns know only what it is called, the front door says who does it.

So a notebook can show a result, or change a chip by dotted path, while this room imports the standard library alone.
"""

from collections.abc import Callable
from enum import Enum
from html import escape
from typing import Any


class Offer(Enum):
    """A thing that a noun is asked for and that is done elsewhere."""

    TEXT = "the text of a noun, as a terminal shows it"
    CHANGED = "a chip with other values by dotted path"


_DOERS: dict[Offer, Callable[..., Any]] = {}


def offer(what: Offer, doer: Callable[..., Any]) -> None:
    """Say who does it."""
    _DOERS[what] = doer


def ask(what: Offer, *args: Any) -> Any:
    """Have it done."""
    return _DOERS[what](*args)


def as_html(noun: Any) -> str:
    """A noun as a notebook shows it: what a terminal shows, in letters of one width."""
    return f"<pre>{escape(ask(Offer.TEXT, noun))}</pre>"
