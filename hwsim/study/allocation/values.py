"""Values of a workload for an allocation: what its layers lose, and what its output is like in chosen formats."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import field

from hwsim.dataclass import dataclass
from hwsim.errors import Unsupported, UserError
from hwsim.inputs.sensitivities import Sensitivities
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import at_length
from hwsim.models.staged import Models
from hwsim.quantities.plain_data import Progress, stage
from hwsim.results.allocation import Sensing
from hwsim.results.measured import Sources
from hwsim.results.quality import Origin
from hwsim.study.allocation.formats_of_layers import in_formats
from hwsim.study.allocation.given import given_losses
from hwsim.study.allocation.judging import judged_values
from hwsim.study.allocation.narrowing import Directions, Factored, cut_off, directions_of, narrowed
from hwsim.study.allocation.noise import (
    AtOutput,
    Reference,
    Setting,
    at_output,
    in_floats,
    other_products,
    products_of,
    reference_of,
)
from hwsim.study.allocation.options import Losses
from hwsim.study.allocation.runs import Formats
from hwsim.study.allocation.sensing import sensed
from hwsim.study.allocation.units import Unit, all_in
from hwsim.study.values import Prepared, prepared
from hwsim.tensor.carried import Carried


@dataclass(slots=True)
class Values:
    """A workload as long as what is heard, its values, and its run in floats, made when first asked for."""

    ready: Prepared
    base: str
    units: Sequence[Unit]
    factored: Sequence[Factored]
    weights_from: Origin
    _reference: Reference | None = field(default=None)
    _directions: dict[int, Directions] = field(default_factory=dict)
    _judged: dict[Formats, AtOutput] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        workload: Workload,
        base: str,
        units: Sequence[Unit],
        factored: Sequence[Factored],
        sources: Sources,
        heard: int,
    ) -> "Values":
        """The values that files or a seed give; without an input at most so many picoseconds are heard."""
        work = workload
        if isinstance(work.recipe, Models):
            raise Unsupported(f"{work.name}: is several model files; hwsim allocate takes each of them")
        if sources.input is None and heard < workload.audio:
            with suppress(UserError):  # the length of a model file is its own
                work = at_length(workload, heard)
        own = sources.weights is not None or isinstance(workload.carried, Carried)
        return cls(prepared(work, sources), base, units, factored, Origin.FILE if own else Origin.DRAWN)

    @property
    def audio(self) -> int:
        """How many picoseconds are heard."""
        return self.ready.workload.audio

    @property
    def reference(self) -> Reference:
        """The run in floats."""
        if self._reference is None:
            work = in_floats(self.ready.workload)
            setting = Setting(work=work, given=self.ready.given, threads=os.cpu_count() or 1)
            self._reference = reference_of(setting, products_of(work, self.units))
        return self._reference

    def losses(
        self,
        policies: Sequence[str],
        widths: Sequence[int],
        sensing: Sensing,
        file: Sensitivities | None,
        progress: Progress,
    ) -> Losses:
        """What units lose under each policy, and layers with each narrower bottleneck."""
        formats = {name: in_formats(self.ready.workload, self.base, all_in(self.units, name), {}) for name in policies}
        if file is not None:
            return Losses(given_losses(file, self.units, formats, self.ready.given.parameters), {})
        products = products_of(self.reference.work, self.units)
        others = other_products(self.reference, products, formats)
        of_units = sensed(self.reference, others, self.units, formats, sensing, stage(progress, 0, 1 + bool(widths)))
        if not self.factored:
            return Losses(of_units, {})
        self._directions = directions_of(self.reference, self.factored)
        of_widths: dict[int, dict[int, float]] = {}
        for place, layer in enumerate(self.factored):
            op = products[layer.enter.name]
            of_widths[layer.place] = {}
            for width in widths:
                if width < layer.width:
                    changed = {op.name: cut_off(self.reference, op, self._directions[layer.place], width)}
                    arrived = at_output(self.reference, changed)
                    loss = arrived.divergence if sensing is Sensing.KL else arrived.noise
                    of_widths[layer.place][width] = loss
            stage(progress, len(self.factored) + place, 2 * len(self.factored))(1, 1)
        return Losses(of_units, of_widths)

    def judged(self, chosen: Formats) -> AtOutput:
        """What the output is like in formats."""
        if chosen not in self._judged:
            policies, widths = dict(chosen[0]), dict(chosen[1])
            work = in_formats(self.ready.workload, self.base, policies, widths)
            parameters: Mapping[str, object] = self.ready.given.parameters
            if widths:
                parameters = narrowed(self.ready.given.parameters, self.factored, widths, self._directions)
            self._judged[chosen] = judged_values(self.reference, work, parameters)
        return self._judged[chosen]
