"""The file of a workload with another precision plan and other values of fields: what else it says stays as written."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hwsim.errors import InvalidValue, Unsupported
from hwsim.inputs.files import read_text
from hwsim.inputs.model_files import FORMATS
from hwsim.inputs.opened import Loaded
from hwsim.ir.workload import Workload
from hwsim.quantities.precision import PrecisionPlan, Rule

_TEXT, _WHOLE, _LIST, _MAP = (f"tag:yaml.org,2002:{tag}" for tag in ("str", "int", "seq", "map"))
_WIDTH = 120


def written_workload(
    loaded: Loaded[Workload],
    plan: PrecisionPlan,
    values: Mapping[str, int],
    *,
    name: str,
    given: str,
    folder: Path,
) -> str:
    """The file of a workload under a plan that adds rules to its own, with other values of fields by dotted path.

    It is called `name`; `given` becomes the source of the plan. `folder` is where it will lie, from which a model file
    is named.
    """
    path = loaded.opened.path
    if path is None:
        raise Unsupported(f"{loaded.value.name}: comes from no file of which another could be written")
    own = loaded.value.precision.rules
    if path.suffix.lower() in FORMATS:
        document = _of_model_file(path, folder)
    else:
        document = _composed(path)
        file = _entry(document, "file")
        if file is not None:
            file.value = os.path.relpath(path.parent / str(file.value), folder)
    for field, value in values.items():
        _set(document, field.split("."), yaml.ScalarNode(_WHOLE, str(value)))
    _set(document, ["name"], yaml.ScalarNode(_TEXT, name))
    _set(document, ["precision"], _precision(_entry(document, "precision"), plan, plan.rules[len(own) :]))
    _set(document, ["sources", "precision"], yaml.ScalarNode(_TEXT, given))
    text: str = yaml.serialize(document, Dumper=yaml.SafeDumper, width=_WIDTH, allow_unicode=True)
    return text


def _composed(path: Path) -> Any:
    return yaml.compose(read_text(path).text, Loader=yaml.SafeLoader)


def _of_model_file(path: Path, folder: Path) -> Any:
    """The document of a workload that is a model file as it is."""
    document = yaml.MappingNode(_MAP, [])
    for field, value in (("kind", path.suffix.lower().removeprefix(".")), ("file", os.path.relpath(path, folder))):
        kind = {"mdl": "kaldi"}.get(value, value) if field == "kind" else value
        _set(document, [field], yaml.ScalarNode(_TEXT, kind))
    return document


def _entry(node: Any, key: str) -> Any:
    return next((value for known, value in node.value if known.value == key), None)


def _set(node: Any, steps: list[str], value: Any) -> None:
    """Put a value at the end of a path, and mappings on the way where there are none."""
    step, *others = steps
    if isinstance(node, yaml.SequenceNode):
        if not (step.isdecimal() and int(step) < len(node.value) and others):
            raise InvalidValue(step, value.value, "is no place in the list of the file")
        _set(node.value[int(step)], others, value)
        return
    entry = _entry(node, step)
    if others and entry is not None:
        _set(entry, others, value)
        return
    if others:
        fresh = yaml.MappingNode(_MAP, [], flow_style=False)
        _set(fresh, others, value)
        value = fresh
    if entry is None:
        node.value.append((yaml.ScalarNode(_TEXT, step), value))
    else:
        node.value[:] = [(known, value if known.value == step else old) for known, old in node.value]


def _precision(before: Any, plan: PrecisionPlan, rules: tuple[Rule, ...]) -> Any:
    """What a file says of precisions, with another policy and with rules behind its own."""
    node = before if isinstance(before, yaml.MappingNode) else yaml.MappingNode(_MAP, [], flow_style=False)
    _set(node, ["policy"], yaml.ScalarNode(_TEXT, plan.policy))
    listed = _entry(node, "rules")
    written = [] if listed is None else list(listed.value)
    for rule in rules:
        entries = [
            (yaml.ScalarNode(_TEXT, key), yaml.ScalarNode(_TEXT, value))
            for key, value in (("match", rule.match), ("policy", rule.policy))
        ]
        written.append(yaml.MappingNode(_MAP, entries, flow_style=True))
    if written:
        _set(node, ["rules"], yaml.SequenceNode(_LIST, written, flow_style=False))
    return node
