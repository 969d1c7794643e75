"""What a document describes, told by the fields that it has."""

from dataclasses import fields

from hwsim.hardware.chip import Chip
from hwsim.hardware.prices import PriceTable
from hwsim.inputs.shipped import Kind
from hwsim.inputs.yaml.document import Node
from hwsim.models.catalogue import RECIPES

_FIELDS = {
    Kind.ARCH: {f.name for f in fields(Chip)},
    Kind.WORKLOAD: {f.name for recipe in RECIPES.values() for f in fields(recipe)},
    Kind.ENERGY: {f.name for f in fields(PriceTable)},
}


def describes(document: Node) -> Kind | None:
    """The kind with which a document shares most fields; None if it shares none that others lack."""
    if not isinstance(document.value, dict):
        return None
    shared = {kind: len(names & set(document.value)) for kind, names in _FIELDS.items()}
    most = max(shared, key=lambda kind: shared[kind])
    return most if list(shared.values()).count(shared[most]) == 1 else None
