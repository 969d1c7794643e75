"""The search that a recipe asks for."""

from hwsim.models.beam import beam_search
from hwsim.models.decoding import BeamSearch, Greedy
from hwsim.models.fragment import Fragment
from hwsim.models.greedy import greedy_search
from hwsim.models.transducer import EncoderOutput, Transducer


def search(net: Transducer, decoding: Greedy | BeamSearch, encoded: EncoderOutput) -> Fragment:
    """Greedy or with a beam."""
    return (
        greedy_search(net, decoding, encoded) if isinstance(decoding, Greedy) else beam_search(net, decoding, encoded)
    )
