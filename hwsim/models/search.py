"""The search that a recipe asks for."""

from hwsim.models.beam import beam_search
from hwsim.models.decoding import BeamSearch, Greedy
from hwsim.models.greedy import greedy_search
from hwsim.models.part import Part
from hwsim.models.transducer import Encoded, Transducer


def search(net: Transducer, decoding: Greedy | BeamSearch, encoded: Encoded) -> Part:
    """Greedy or with a beam."""
    return (
        greedy_search(net, decoding, encoded) if isinstance(decoding, Greedy) else beam_search(net, decoding, encoded)
    )
