"""The grids of hwsim's own quantisers, for a network that is being trained.

Those of weights are found anew from the weights as they are, at each step. Those of activations need a run in single
precision of the utterances that are marked for it (`use` in transcripts.tsv), as `hwsim recognise` makes it; they are
found every few hundred steps, and at the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from hwsim.inputs.datasets import Use
from hwsim.ir.tensor import Role
from hwsim.ir.workload import Workload
from hwsim.study.recognise.lots import equal_lots, lot_of
from hwsim.study.recognise.network import scales_of
from hwsim.study.recognise.session import Asked, Session, open_session
from hwsim.tensor.quant_params import QuantParams
from hwsim.tensor.quantise import weight_grid
from numpy.typing import NDArray

CHIP, WORKLOAD = "int4_array", "words_rnnt"
MOST_BITS = 8
"""Wider integers (sums, cell states) stay floats while training: their steps are 2⁻¹⁵ of their range."""

Arrays = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class Quantisers:
    """What hwsim does with the parameters of a workload under a policy."""

    session: Session
    work: Workload

    @classmethod
    def of(cls, policy: str) -> Self:
        """The quantisers of a policy, such as w4a4."""
        session = open_session(Asked(arch=CHIP, workload=WORKLOAD))
        return cls(session, session.in_precision(policy))

    def of_weights(self, parameters: Arrays) -> dict[str, QuantParams]:
        """A grid for each weight."""
        plan, found = self.work.precision, {}
        for tensor in self.work.program.tensors:
            if tensor.role is Role.WEIGHT:
                quantiser = plan.quantisation(tensor.name.removesuffix(".weight")).weights
                found[tensor.name] = weight_grid(parameters[tensor.name], tensor.precision, tensor.scaling, quantiser)
        return found

    def of_activations(self, parameters: Arrays) -> dict[str, QuantParams]:
        """A grid for each table, and for all that products read."""
        session, work = self.session, self.work
        marked = session.data.of(Use.CALIBRATE, Use.BOTH)
        lots = (lot_of(session.data, lot, work, dict(parameters)) for lot in equal_lots(session.data, marked, work))
        table = scales_of(work, dict(parameters), lots, threads=1).tensors
        weights = {tensor.name for tensor in work.program.tensors if tensor.role is Role.WEIGHT}
        narrow = {name: params for name, params in table.items() if params.precision.bits <= MOST_BITS}
        return {name: params for name, params in narrow.items() if name not in weights}
