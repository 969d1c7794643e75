"""Kernels as parts of other kernels.

Numba makes machine code of every function, with copies of all that it calls, also where nobody but another kernel calls
it: half of the time that compiling takes. Here a kernel that another one calls is compiled as a `Part`, which stays
what LLVM reads: it is optimised once, and becomes machine code once, in the kernel that Python calls, a `Whole`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from numba.core import sigutils, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher


class Whole(CPUDispatcher):
    """A kernel that Python calls; other kernels call it as their part.

    A start imports ten times as many kernels as it runs: what numba needs to compile one, or to look for it in the
    cache that `cached` makes, is made when it comes to that.
    """

    targetctx: Any
    overloads: Any
    _cache: Any

    def __init__(
        self, function: Callable[..., Any], options: dict[str, Any], cached: Callable[[], Any] | None = None
    ) -> None:
        super().__init__(function, targetoptions={"nopython": True, "boundscheck": None, **options})
        self._options, self._cached = options, cached

    @cached_property
    def part(self) -> Any:
        """The same kernel as a part of others."""
        return Part(self.py_func, self._options)

    def compile(self, sig: Any) -> Any:
        arguments, _ = sigutils.normalize_signature(sig)
        known = self.overloads.get(tuple(arguments))
        if known is not None:
            return known.entry_point
        with global_compiler_lock, _in_libraries(self.targetctx.codegen(), WholeLibrary):
            if self._cached is not None:  # under the lock: numba is told of the folder of caches by a global variable
                cache, self._cached = self._cached(), None
                self._cache = self._cache if cache is None else cache
            entry = super().compile(sig)
            compiled = self.overloads[tuple(arguments)]
            for environment in compiled._find_referenced_environments():  # those of its parts have a place now
                compiled.codegen.set_env(environment.env_name, environment)
            return entry

    def get_call_template(self, args: Any, kws: Any) -> Any:
        return self.part.get_call_template(args, kws)

    def get_overload(self, sig: Any) -> Any:
        return self.part.get_overload(sig)


class Part(CPUDispatcher):
    """A kernel as other kernels call it."""

    targetctx: Any

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        wrappers = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
        super().__init__(function, targetoptions={"nopython": True, "boundscheck": None, **options, **wrappers})

    def get_call_template(self, args: Any, kws: Any) -> Any:
        # Numba would compile a part anew for each constant that somebody passes; LLVM finds constants where it inlines.
        kws = {name: types.unliteral(kind) for name, kind in kws.items()}
        return super().get_call_template(tuple(types.unliteral(kind) for kind in args), kws)

    def compile(self, sig: Any) -> Any:
        with global_compiler_lock, _in_libraries(self.targetctx.codegen(), PartLibrary):
            return super().compile(sig)


class PartLibrary(JITCodeLibrary):
    """The code of a part without that of its own parts, neither optimised nor made machine code."""

    def finalize(self) -> None:
        for library in self._linking_libraries:
            self._reload_init.update(library._reload_init)
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        return 0  # as numba says of functions that nobody can call

    @property
    def codegen(self) -> Any:
        return _NoEnvironments()


class _NoEnvironments:
    """The environment of a part has no place before the machine code of a whole kernel has one."""

    def set_env(self, env_name: str, env: Any) -> None:
        pass


class WholeLibrary(JITCodeLibrary):
    """The code of a kernel with all its parts, and theirs. The cache keeps machine code and what it defines, not what
    could be compiled into other kernels."""

    def finalize(self) -> None:
        self._linking_libraries = _callers_first(self._linking_libraries)
        super().finalize()

    def serialize_using_object_code(self) -> Any:
        self._ensure_finalized()
        module = self._final_module
        named = (*module.functions, *module.global_variables)
        defined = frozenset(one.name for one in named if not one.is_declaration)
        return self.name, "object", (self._get_compiled_object(), defined)

    @classmethod
    def _unserialize(cls, codegen: Any, state: Any) -> "WholeLibrary":
        name, _, (code, defined) = state
        self = cls(codegen, name)
        self.enable_object_caching()
        self._set_compiled_object(code)
        self._finalize_final_module()
        codegen._engine._defined_symbols |= defined
        return self


def _callers_first(libraries: list[Any]) -> list[Any]:
    """These libraries and those of their parts, each before all that it calls: LLVM takes from a library only what is
    called by what it has taken before."""
    found, ordered = set[Any](), list[Any]()

    def visit(library: Any) -> None:
        if library not in found:
            found.add(library)
            for called in library._linking_libraries if isinstance(library, PartLibrary) else ():
                visit(called)
            ordered.append(library)

    for library in libraries:
        visit(library)
    return ordered[::-1]


@contextmanager
def _in_libraries(codegen: Any, kind: type[JITCodeLibrary]) -> Iterator[None]:
    """What is compiled or loaded meanwhile stands in libraries of this kind; numba does one such thing at a time."""
    usual, codegen._library_class = codegen._library_class, kind
    try:
        yield
    finally:
        codegen._library_class = usual
