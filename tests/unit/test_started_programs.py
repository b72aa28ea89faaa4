"""What is started on a target, and as whom: read from the source, so that no call is forgotten.

Whatever may be the app's goes through run/commands.py, which drops to an account and refuses to be root for others'
files. All else names a program of the system's, and nothing below the app's folder, environment or checkout.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"
HELPER = "module_utils/run/commands.py"
# Run inside the app's own Python, as the app's user.
SCRIPTS = "script_"
SYSTEM = {
    "systemctl",
    "journalctl",
    "busctl",
    "systemd-creds",
    "systemd-analyze",
    "systemd-tmpfiles",
    "gpasswd",
    "nginx",
    # nginx too, as the account that it is run as (services/nginx_test.py).
    "systemd-run",
    "ss",
    "ps",
    "df",
    "free",
    "pg_lsclusters",
    "getent",
    "nft",
    "iptables-save",
    # Only where it and its configuration are root's alone (services/supervisor.py).
    "supervisorctl",
    # Likewise (services/containers.py).
    "podman",
}
STARTS = {
    "subprocess": {"run", "Popen", "call", "check_call", "check_output", "getoutput", "getstatusoutput"},
    "os": {"system", "popen", "posix_spawn", "posix_spawnp"}
    | {f"{kind}{how}" for kind in ("exec", "spawn") for how in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")},
    "pty": {"spawn"},
    "module": {"run_command"},
}
# Of the helper: the account is their first argument.
HELPERS = {"run_as", "start"}
# What says where a program starts, what it is, and what it finds there: only the helper may.
FORBIDDEN_OPTIONS = {"cwd", "env", "shell", "executable", "preexec_fn", "user", "environ_update", "use_unsafe_shell"}
# Names by which the app's own places are known in this code.
APPS_OWN = {"root", "venv", "top", "checkout", "cwd", "python", "manage_py", "requirements", "interpreter"}


def files() -> list[Path]:
    """The sources that run on targets."""
    found = [*(PLUGINS / "modules").glob("*.py"), *(PLUGINS / "module_utils").rglob("*.py")]
    return sorted(path for path in found if not path.name.startswith(SCRIPTS))


def name_of(path: Path) -> str:
    """A source's path below plugins/."""
    return str(path.relative_to(PLUGINS))


def scopes(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.Call]]:
    """Each call in a source, with the function that it stands in, or the module."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    inner = {id(node): function for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield inner.get(id(node), tree), node


def starts(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.Call]]:
    """The calls that start a program."""
    for scope, call in scopes(tree):
        if isinstance(call.func, ast.Attribute):
            owner = call.func.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            if call.func.attr in STARTS.get(name, ()) or call.func.attr == "run_command":
                yield scope, call


def programs(tree: ast.Module, scope: ast.AST, node: ast.expr) -> set[str]:
    """The programs that an expression in a function may start; `?` for one that cannot be read from the source."""
    if isinstance(node, (ast.List, ast.Tuple)) and node.elts:
        return programs(tree, scope, node.elts[0])
    if isinstance(node, ast.Starred):
        return programs(tree, scope, node.value)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    if isinstance(node, ast.BoolOp):
        return {name for part in node.values for name in programs(tree, scope, part)}
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "which":
        return programs(tree, scope, node.args[0])
    if isinstance(node, ast.Name):
        found = values(tree, scope, node.id)
        return {name for where, value in found for name in programs(tree, where, value)} or {"?"}
    return {"?"}


def values(tree: ast.Module, scope: ast.AST, name: str) -> list[tuple[ast.AST, ast.expr]]:
    """What a name in a function stands for: what is assigned there, or what callers pass; each with its function."""
    found: list[tuple[ast.AST, ast.expr]] = []
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == name for target in node.targets):
            found.append((scope, node.value))
        if isinstance(node, ast.comprehension) and name in [getattr(item, "id", "") for item in ast.walk(node.target)]:
            # Of a table of commands: every list in the function that makes it.
            tables = {called(call) for call in ast.walk(node.iter) if isinstance(call, ast.Call)}
            makers = [item for item in tree.body if isinstance(item, ast.FunctionDef) and item.name in tables]
            found += [(maker, item) for maker in makers for item in ast.walk(maker) if isinstance(item, ast.List)]
    if isinstance(scope, ast.FunctionDef):
        names = [argument.arg for argument in scope.args.args] + [scope.args.vararg.arg if scope.args.vararg else ""]
        passed = [(where, call) for where, call in scopes(tree) if called(call) == scope.name]
        if name in names:
            found += [
                (where, call.args[names.index(name)]) for where, call in passed if len(call.args) > names.index(name)
            ]
        found += [(where, item.value) for where, call in passed for item in call.keywords if item.arg == name]
    return found


def words_of(tree: ast.Module, scope: ast.AST, node: ast.AST, seen: frozenset[str] = frozenset()) -> set[str]:
    """The names in an expression, and in what stands behind its variables: what is assigned, or what callers pass."""
    found = {getattr(part, "id", getattr(part, "attr", "")) for part in ast.walk(node)}
    for name in {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} - seen:
        for where, value in values(tree, scope, name):
            found |= words_of(tree, where, value, seen | {name})
    return found


class _Unaliased(ast.NodeTransformer):
    """Modules by their own names, whatever `import ... as` calls them."""

    def __init__(self, tree: ast.Module) -> None:
        imported = [item for node in ast.walk(tree) if isinstance(node, ast.Import) for item in node.names]
        self.names = {item.asname: item.name for item in imported if item.asname}

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.copy_location(ast.Name(self.names.get(node.id, node.id), node.ctx), node)


def parsed(source: str) -> ast.Module:
    """A source's tree, without aliases of modules."""
    tree = ast.parse(source)
    _Unaliased(tree).visit(tree)
    return tree


def called(call: ast.Call) -> str:
    """The name of the function that is called; empty for a method."""
    return getattr(call.func, "id", "")


def is_isolated(call: ast.Call) -> bool:
    """Whether it starts the Python that we run in, with no folder, variable or package of anybody's (python(1), -I -S).

    What that does next, such as becoming an account, is in a script of ours.
    """
    words = call.args[0].elts if call.args and isinstance(call.args[0], ast.List) else []
    where = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    begin = [ast.unparse(word) for word in words[:4]]
    return begin == ["sys.executable", "'-I'", "'-S'", "'-c'"] and (where.get("cwd"), where.get("env")) == ("'/'", "{}")


def complaints(source: str) -> list[str]:
    """What is wrong with the calls of one source."""
    tree, wrong = parsed(source), []
    for scope, call in starts(tree):
        if is_isolated(call):
            continue
        names = programs(tree, scope, call.args[0]) if call.args else {"?"}
        words = words_of(tree, scope, call)
        options = {keyword.arg for keyword in call.keywords}
        wrong += [f"line {call.lineno} starts {name}" for name in sorted(names - SYSTEM)]
        wrong += [f"line {call.lineno} says {word}" for word in sorted(words & APPS_OWN)]
        wrong += [f"line {call.lineno} sets {option}" for option in sorted(map(str, options & FORBIDDEN_OPTIONS))]
        wrong += [f"line {call.lineno} hides its options" for option in options if option is None]
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in STARTS:
            wrong += [f"imports {item.name}" for item in node.names if item.name in STARTS[str(node.module)]]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "identity":
            wrong.append(f"line {node.lineno} becomes an account by itself")
        if isinstance(node, ast.Call) and (called(node) or getattr(node.func, "attr", "")) in HELPERS:
            first = node.args[0] if node.args else node
            wrong += [f"line {node.lineno} names root"] if getattr(first, "value", "") in ("root", "0") else []
    return wrong


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_what_may_be_the_apps_goes_through_the_helper(path: Path) -> None:
    """Each other call starts a program of the system's, in no folder and with no environment of its own choice."""
    wrong = [] if name_of(path) == HELPER else complaints(path.read_text(encoding="utf-8"))
    assert wrong == []


def test_the_helper_starts_programs_in_one_place() -> None:
    """Where it has asked who can write what the program obeys, and drops to the account."""
    tree = ast.parse((PLUGINS / HELPER).read_text(encoding="utf-8"))
    ((scope, call),) = starts(tree)
    assert isinstance(scope, ast.FunctionDef)
    assert scope.name == "start"
    assert [keyword.value.id for keyword in call.keywords if isinstance(keyword.value, ast.Name)][-1] == "identity"


@pytest.mark.parametrize(
    "source",
    [
        "subprocess.run([venv + '/bin/python', '-c', 'pass'])",
        "subprocess.run(['/usr/bin/python3', '-m', 'pip'])",
        "subprocess.run(['systemctl', 'x'], cwd=folder)",
        "subprocess.run(['systemctl', 'x'], **options)",
        "subprocess.run(['nginx', '-c', root])",
        "def f(words): subprocess.Popen(words)",
        "words = ['git', 'status']\nmodule.run_command(words)",
        "os.execv('/bin/sh', ['sh'])",
        "from subprocess import run",
        "run_as('root', None, ['true'], {}, '/', 5)",
        "subprocess.run(['ls'], **accounts.identity(user, None))",
        "subprocess.run([sys.executable, '-I', '-S', '-c', source], cwd=folder, env={})",
        "subprocess.run([sys.executable, '-c', source], cwd='/', env={})",
        "import subprocess as sp\nsp.run(['nginx', '-c', root])",
        "words = ['nginx', '-c', root]\nsubprocess.run(words)",
        "def f(path): subprocess.run(['nginx', '-c', path])\nf(stack.root)",
        "def f(path): subprocess.run(['nginx', '-c', path])\nf(path=stack.venv)",
        "def f(path): g(path)\ndef g(x): subprocess.run(['nginx', '-c', x])\nf(stack.root)",
        "commands.start('root', None, ['true'], {}, '/')",
    ],
)
def test_a_forbidden_call_is_seen(source: str) -> None:
    """The test above reads the source: it must see what it forbids."""
    assert complaints(source)
