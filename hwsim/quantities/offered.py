"""Offers: services of nouns that higher rooms provide, so that this room imports the standard library alone.

A noun names an offer, the front door registers the function behind it: a notebook shows a result, a chip changes by
dotted path.
"""

from enum import Enum
from html import escape
from importlib import import_module
from typing import Any


class Offer(Enum):
    """A service that callers ask of a noun and that a higher room provides."""

    TEXT = "the text of a noun, as a terminal shows it"
    CHANGED = "a chip with other values by dotted path"


DOERS: dict[Offer, tuple[str, str]] = {}
"""The function behind each offer: its module, imported when the offer is first asked for, and its name."""


def ask(what: Offer, *args: Any) -> Any:
    """The result of the function behind an offer."""
    module, name = DOERS[what]
    return getattr(import_module(module), name)(*args)


def as_html(noun: Any) -> str:
    """A noun as a notebook shows it: what a terminal shows, in letters of one width."""
    return f"<pre>{escape(ask(Offer.TEXT, noun))}</pre>"
