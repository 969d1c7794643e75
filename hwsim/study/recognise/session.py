"""What a recognition is made with, opened once: chip, network, parameters, utterances, symbols, and a search."""

from collections.abc import Mapping
from dataclasses import field, replace
from glob import escape
from pathlib import Path

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, InvalidValue, Unsupported
from hwsim.inputs.chips import AnyChip, open_machine
from hwsim.inputs.datasets import TABLE, DataSet, open_data
from hwsim.inputs.files import Kind, locate
from hwsim.inputs.load import open_workload
from hwsim.inputs.model_files import is_model_file, workload_for_inputs
from hwsim.inputs.opened import Loaded
from hwsim.inputs.symbols import LEXICON, SYMBOLS, Lexicon, Symbols, open_lexicon, open_symbols
from hwsim.inputs.weights import read_parameters
from hwsim.ir.workload import Workload
from hwsim.models.catalogue import decoding_of
from hwsim.models.staged import Models
from hwsim.passes.precision import in_precision, plan_of
from hwsim.passes.wanted import ruled_ops
from hwsim.quantities.precision import PrecisionPlan, Rule, policy
from hwsim.quantities.quantisation import Quantisation
from hwsim.results.recognition import Searching, SearchKind
from hwsim.study.recognise.lots import Floats
from hwsim.study.recognise.trained import MARK, policy_in, trained_path
from hwsim.study.values import prepared_parameters
from hwsim.tensor.carried import Carried, real_parameters

WEIGHTS = ("weights.safetensors", "weights.npz")
"""How files of weights are called where they lie beside a workload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be recognised: files by path or shipped name, or chips and a workload themselves, so that any process
    can open them."""

    arch: str | AnyChip
    workload: str | Workload
    beside: tuple[str | AnyChip, ...] = ()
    """Other chips on which the same is recognised."""
    data: Path | None = None
    weights: Path | None = None
    symbols: Path | None = None
    lexicon: Path | None = None
    blank: str | None = None
    between: str | None = None
    search: SearchKind | None = None
    searching: Searching = Searching()
    dims: tuple[tuple[str, int], ...] = ()
    scores: bool = False
    """Whether scores are handed out, too."""
    quantise: Quantisation | None = None
    """The quantisers, in the place of those of the workload's file."""
    ends: str | None = None
    """The policy of the first and of the last product of parameters, whatever that of all others is."""
    equalise: bool = False
    """Whether channels between two products get weights of equal ranges first."""
    devices: int = 0
    """The seed with which devices of analog tiles and their noise are drawn."""
    in_turn: bool = False
    """Whether weights that are rounded by what products read are rounded one product after another."""
    trained: tuple[str, ...] = ()
    """Policies that are also heard with the weights that were trained for them, and lie beside the workload."""


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """All that does not change from one utterance, or from one precision, to the next."""

    asked: Asked
    chips: tuple[AnyChip, ...]
    work: Workload
    data: DataSet
    parameters: Floats
    symbols: Symbols | None
    lexicon: Lexicon | None
    search: SearchKind | None
    files: Mapping[str, str] = field(default_factory=dict)
    trained: Mapping[str, Floats] = field(default_factory=dict)
    """Parameters that were trained for a policy, by its name."""
    shipped: Path | None = None
    """The folder of the network, if it is a shipped one: results call its files alike on every machine."""

    def labelled(self) -> dict[str, str]:
        """Hashes of all files that were read, by the names by which results speak of them."""
        files = {**self.files, **self.data.files()}
        return files if self.shipped is None else {_label(self.shipped, name): sha for name, sha in files.items()}

    def in_precision(self, precision: str | None) -> Workload:
        """The workload in another precision, or in that of its file; a file's own reader makes it for other lengths."""
        plan = planned(self.asked, self.work, None if precision is None else policy_in(precision))
        if plan is None:
            return self.work
        written = self.asked.workload
        if not isinstance(written, Workload) and is_model_file(written):
            return _opened(self.asked, written, plan, self.data).value
        return in_precision(self.work, plan)

    def parameters_in(self, precision: str | None) -> Floats:
        """The parameters as the plan of a precision has them quantised."""
        own = precision is not None and precision.endswith(MARK)
        parameters = self.trained[policy_in(precision)] if precision is not None and own else self.parameters
        return dict(prepared_parameters(self.in_precision(precision), parameters))


def _label(shipped: Path, name: str) -> str:
    path = Path(name)
    return f"{Kind.WORKLOAD.value}/{shipped.name}/{path.name} (shipped)" if path.parent == shipped else name


def planned(asked: Asked, work: Workload, precision: str | None) -> PrecisionPlan | None:
    """The plan of a run; None: that of the workload's file."""
    if precision is None and (asked.quantise, asked.ends, asked.equalise, asked.in_turn) == (None, None, False, False):
        return None
    plan = work.precision if precision is None else plan_of(precision)
    if policy(plan.policy).weight.floating:
        return plan
    quantise = plan.quantise if asked.quantise is None else asked.quantise
    equalise, in_turn = plan.equalise or asked.equalise, plan.in_turn or asked.in_turn
    plan = replace(plan, quantise=quantise, equalise=equalise, in_turn=in_turn)
    if asked.ends is None:
        return plan
    ops = ruled_ops(work.trained if work.network is None else work.network)
    ends = dict.fromkeys((ops[0], ops[-1]))
    return replace(plan, rules=(*plan.rules, *(Rule(match=escape(op), policy=asked.ends) for op in ends)))


def open_session(asked: Asked) -> Session:
    """Open all files; what a workload has beside its file is taken from there, unless another file is named."""
    files: dict[str, str] = {}
    machines = tuple(_machine(arch, files) for arch in (asked.arch, *asked.beside))
    names = [chip.name for chip in machines]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise InvalidValue("--beside", name, "is there twice")
    written = asked.workload
    folder = None if isinstance(written, Workload) else locate(Kind.WORKLOAD, written).path.parent
    data = open_data(_data(asked, folder))
    if isinstance(written, Workload):
        work, shipped = _own(written), None
    else:
        loaded = _opened(asked, written, None, data)
        work, shipped = loaded.value, folder if loaded.opened.shipped else None
        files.update(loaded.files)
    parameters = _parameters(asked, work, folder, files)
    trained = {name: _trained(asked, name, work, folder, files) for name in asked.trained}
    symbols = _symbols(asked, folder, files)
    search = _search(asked, work, symbols, folder)
    lexicon = _lexicon(asked, symbols, folder, files) if search is not None else None
    if search is SearchKind.LEXICON and lexicon is None:
        raise InvalidValue("--search", search.value, "needs the words and their symbols; give --lexicon FILE")
    return Session(asked, machines, work, data, parameters, symbols, lexicon, search, files, trained, shipped)


def _machine(arch: str | AnyChip, files: dict[str, str]) -> AnyChip:
    """The chip that is meant; the files that it comes from are added to those that are known."""
    if not isinstance(arch, str):
        return arch
    loaded = open_machine(arch)
    files.update(loaded.files)
    return loaded.value


def _own(work: Workload) -> Workload:
    """A workload that is no file."""
    if work.carried is not None:
        raise Unsupported(f"{work.name} comes from a model file, which is read for each precision anew; give its path")
    return work


def _parameters(asked: Asked, work: Workload, folder: Path | None, files: dict[str, str]) -> Floats:
    carried = work.carried if isinstance(work.carried, Carried) else None
    if isinstance(work.recipe, Models):
        raise Unsupported(f"{work.name}: is several model files, which hwsim trace runs on one utterance at a time")
    if carried is not None:
        if asked.weights is not None:
            raise FileProblem(str(asked.weights), f"has weights, but {work.name} carries its own; leave --weights out")
        return real_parameters(carried, work.trained)
    path = asked.weights or _beside(folder, WEIGHTS)
    if path is None:
        law = f"{work.name} has no trained weights beside it, and what others hear means nothing; give --weights FILE"
        raise Unsupported(law)
    parameters, files[str(path)] = read_parameters(path, work.trained)
    return parameters


def _trained(asked: Asked, name: str, work: Workload, folder: Path | None, files: dict[str, str]) -> Floats:
    if asked.weights is not None:
        raise InvalidValue("--weights", str(asked.weights), f"is read for all runs; leave it out, or {name}{MARK}")
    if work.carried is not None:
        raise Unsupported(f"{name}{MARK}: {work.name} carries its own weights; ask for {name} alone")
    if folder is None or isinstance(asked.workload, Workload):
        raise Unsupported(f"{name}{MARK}: {work.name} is no file, so no weights lie beside it; ask for {name} alone")
    path = trained_path(folder, name, asked.workload)
    parameters, files[str(path)] = read_parameters(path, work.trained)
    return parameters


def _opened(asked: Asked, written: str, precision: PrecisionPlan | None, data: DataSet) -> Loaded[Workload]:
    """The workload; axes that a model file leaves open are as long as those of the first utterance, at first."""
    dims = dict(asked.dims)
    if not is_model_file(written):
        return open_workload(written, None, dims)
    first = data.heard(data.utterances[0])
    if first.recording is not None:
        law = "is a recording, and hwsim does not know what features a model file reads; give them as arrays (NPZ)"
        raise FileProblem(str(first.path), law)
    return workload_for_inputs(written, precision, first.shapes, dims)


def _data(asked: Asked, folder: Path | None) -> Path:
    if asked.data is not None:
        return asked.data
    if folder is None or not (folder / TABLE).is_file():
        named = asked.workload.name if isinstance(asked.workload, Workload) else asked.workload
        raise Unsupported(f"{named} has no recordings beside it; give --data DIR, a folder with {TABLE}")
    return folder


def _symbols(asked: Asked, folder: Path | None, files: dict[str, str]) -> Symbols | None:
    path = asked.symbols or _beside(folder, SYMBOLS)
    if path is None:
        return None
    symbols, files[str(path)] = open_symbols(path, blank=asked.blank, between=asked.between)
    return symbols


def _lexicon(asked: Asked, symbols: Symbols | None, folder: Path | None, files: dict[str, str]) -> Lexicon | None:
    path = asked.lexicon or _beside(folder, (LEXICON,))
    if path is None:
        return None
    if symbols is None:
        raise FileProblem(str(path), "spells words with symbols, which nobody has named; give --symbols FILE")
    lexicon, files[str(path)] = open_lexicon(path, symbols)
    return lexicon


def _search(asked: Asked, work: Workload, symbols: Symbols | None, folder: Path | None) -> SearchKind | None:
    """The search over scores; None where the network has a search of its own."""
    decoding = decoding_of(work.recipe)
    if decoding is not None:
        if asked.search is not None:
            law = f"{work.name} searches by itself ({decoding.kind}, as its field decoding says)"
            raise InvalidValue("--search", asked.search.value, f"{law}; leave it out")
        if asked.scores:
            raise Unsupported(f"{work.name} searches by itself and leaves no scores that could be handed out")
        return None
    if asked.search is not None:
        return asked.search
    has_words = asked.lexicon is not None or (symbols is not None and _beside(folder, (LEXICON,)) is not None)
    return SearchKind.LEXICON if has_words else SearchKind.GREEDY


def _beside(folder: Path | None, names: tuple[str, ...]) -> Path | None:
    if folder is None:
        return None
    return next((folder / name for name in names if (folder / name).is_file()), None)
