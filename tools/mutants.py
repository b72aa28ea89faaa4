"""Whether the unit tests would notice a fault in the logic that decides: each mutant of it should fail one of them.

cosmic-ray makes the mutants. Its own runner starts pytest anew for each; here a fork of a process that has imported all
but what is mutated runs the tests of that module, which is some ten times as fast. Run as `make mutants`;
ONLY=substring takes some modules. Prints what survived as diffs, and writes reports/mutants.json.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import importlib.machinery
import json
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import ansible.plugins.action  # noqa: F401  imported once for all forks
import cosmic_ray.plugins
import hypothesis  # noqa: F401
import jinja2  # noqa: F401
import pytest
from cosmic_ray.mutating import MutationVisitor

ROOT = Path(__file__).parents[1]
RAW = ROOT / "reports" / "mutants.json"
WANTED = 0.85
# Seconds of a core after which a mutant that never ends counts as noticed: no test waits, and the machine may be busy.
PATIENCE = 120
# What is mutated, and the unit tests of it, the ones that fail soonest first.
MODULES = {
    "diagnosis/diagnosis": ("findings", "diagnosis", "severity", "unread", "recorded"),
    "diagnosis/plan": ("plan", "incident", "severity", "migrations", "recorded"),
    "diagnosis/blocking": ("plan", "migrations", "diagnosis", "severity", "recorded"),
    "diagnosis/approvals": ("approvals",),
    "diagnosis/consent": ("plan", "migrations", "severity", "recorded", "nobody_is_worse_off"),
    "diagnosis/setbacks": ("setbacks", "record_look", "plan"),
    "diagnosis/site_state": ("site_state", "severity"),
    "diagnosis/edge_summary": ("edge_summary", "site_state", "severity"),
    "run/decision": ("decision", "roles", "severity"),
    "run/verdict": ("verdict",),
    "run/settings": ("settings",),
}
# Tests that judge the recordings themselves, and none of our logic.
UNCONCERNED = (
    "failures/test_recorded.py::test_a_recording_is_fresh",
    "failures/test_recorded.py::test_no_secret_is_recorded",
)
# Operators whose mutants say little: variables exchanged for others, and code put in.
LEFT_OUT = ("Variable",)
# Arguments that change nothing that runs: mypy judges whether something is assigned to what is frozen.
NEVER_RUN = ("frozen",)


@dataclass(frozen=True)
class Mutant:
    """One change of one module, and whether a test failed for it."""

    module: str
    operator: str
    diff: str
    killed: bool = False


class _Mutated(importlib.machinery.SourceFileLoader):
    """Loads the changed source in the place of the file's."""

    changed: tuple[str, bytes] = ("", b"")

    def get_code(self, fullname: str):  # type: ignore[no-untyped-def]
        path, source = _Mutated.changed
        if os.path.realpath(self.path) == path:
            return compile(source, self.path, "exec", dont_inherit=True)
        return super().get_code(fullname)


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """(operator, changed source) for each change of what runs, once."""
    seen = {_what_runs(source)}
    for name in cosmic_ray.plugins.operator_names():
        if any(word in name for word in LEFT_OUT):
            continue
        operator = cosmic_ray.plugins.get_operator(name)()
        occurrence = 0
        while (changed := MutationVisitor.mutate_code(source, operator, occurrence)) is not None:
            occurrence += 1
            with contextlib.suppress(SyntaxError):
                if (runs := _what_runs(changed)) not in seen:
                    seen.add(runs)
                    yield name.partition("/")[2], changed


def _what_runs(source: str) -> str:
    """The source as its syntax tree, without annotations and NEVER_RUN: mutants of these are equivalent."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            node.annotation = ast.Constant(None)
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.keyword) and node.arg in NEVER_RUN:
            node.value = ast.Constant(None)
    return ast.dump(tree)


def tests_of(module: str) -> list[str]:
    """The files with the unit tests of a module."""
    return [str(path) for name in MODULES[module] for path in (ROOT / "tests" / "unit").rglob(f"test_{name}.py")]


def is_killed(path: Path, source: str, tests: list[str]) -> bool:
    """Whether a test fails, or never ends, with the source in the place of the file's."""
    left_out = [word for test in UNCONCERNED for word in ("--deselect", f"tests/unit/{test}")]
    child = os.fork()
    if child == 0:
        signal.setitimer(signal.ITIMER_PROF, PATIENCE)
        _Mutated.changed = (os.path.realpath(path), source.encode())
        machine_code = (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES)
        finder = importlib.machinery.FileFinder.path_hook(machine_code, (_Mutated, [".py"]))
        sys.path_hooks.insert(0, finder)
        sys.path_importer_cache.clear()
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        code = 1
        with contextlib.suppress(BaseException):
            # One after the other: most mutants fall to the first file, and the others need not even be read.
            codes = (pytest.main(["-x", "-q", "-p", "no:cacheprovider", *left_out, test]) for test in tests)
            code = next(filter(None, codes), 0)
        os._exit(int(code))
    _pid, status = os.waitpid(child, 0)
    return status != 0


def of_module(module: str) -> list[Mutant]:
    """All mutants of a module, tried out; the unchanged one must pass."""
    path = ROOT / "plugins" / "plugin_utils" / f"{module}.py"
    source, tests = path.read_text(encoding="utf-8"), tests_of(module)
    if is_killed(path, source, tests):
        raise SystemExit(f"{module}: its tests fail without any change")

    def tried(change: tuple[str, str]) -> Mutant:
        operator, changed = change
        lines = difflib.unified_diff(source.splitlines(), changed.splitlines(), lineterm="", n=0)
        diff = "\n".join(list(lines)[2:])
        return Mutant(module, operator, diff, is_killed(path, changed, tests))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(tried, mutants(source)))


def main() -> int:
    """Try all, print what survived; 0 where enough was noticed of each module."""
    only = os.environ.get("ONLY", "")
    tried: list[Mutant] = []
    good = True
    for module in (name for name in MODULES if only in name):
        found = of_module(module)
        tried += found
        killed = sum(mutant.killed for mutant in found)
        good &= killed >= WANTED * len(found)
        print(f"{module}: {killed} of {len(found)} mutants killed, {killed / len(found):.0%}", flush=True)
        for mutant in found:
            if not mutant.killed:
                print(f"  survived: {mutant.operator}\n    " + mutant.diff.replace("\n", "\n    "), flush=True)
    RAW.parent.mkdir(parents=True, exist_ok=True)
    RAW.write_text(json.dumps([asdict(mutant) for mutant in tried], indent=1), encoding="utf-8")
    return 0 if good else 2


if __name__ == "__main__":
    sys.exit(main())
