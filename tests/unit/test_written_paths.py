"""What root writes by a path: read from the sources and from the tasks, so that nothing in the app's tree is.

Who owns a folder can put a link there between a look and a write. In the app's tree root therefore works on opened
files and folders only (files/directory_handle.py, files/safe_files.py, `dir_fd`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_started_programs import APPS_OWN, PLUGINS, SYSTEM, files, name_of, parsed, scopes, words_of

ROOT = PLUGINS.parent
# Each with how many of its arguments are paths.
WRITERS = {
    "os": {
        **dict.fromkeys(
            ("chmod", "chown", "lchown", "unlink", "remove", "removedirs", "rmdir", "mkdir", "makedirs"), 1
        ),
        **dict.fromkeys(("utime", "truncate", "setxattr", "removexattr", "mknod", "mkfifo"), 1),
        **dict.fromkeys(("rename", "renames", "replace", "symlink", "link"), 2),
    },
    "shutil": {
        **dict.fromkeys(("rmtree", "chown"), 1),
        **dict.fromkeys(("move", "copy", "copy2", "copyfile", "copytree", "copymode", "copystat"), 2),
    },
}
OF_PATHS = {"write_text", "write_bytes", "touch", "symlink_to", "hardlink_to"}
# With these a name is one of an opened folder.
IN_AN_OPENED_FOLDER = {"dir_fd", "src_dir_fd", "dst_dir_fd"}
DESCRIPTORS = {"descriptor", "new"}
# Of safe_files.py, and of a module's own: these only read.
READING = {"FOLDER", "_FOLDER", "FILE"}
FLAGS = {"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "NEW"}
# The helpers that write by a path, each with whose folder that is.
BY_PATH = {
    "module_utils/files/atomic_write.py": "root's own, given by its callers",
    "module_utils/files/directory_handle.py": "/proc/self/fd of an opened folder",
    "module_utils/files/owned_entries.py": "/proc/self/fd of a held entry",
    "module_utils/baseline/baseline.py": "/var/lib/rescue502",
    "module_utils/remedies/database_dump.py": "/var/lib/rescue502",
    "module_utils/run/history.py": "/var/lib/rescue502",
    "module_utils/run/state_directory.py": "/var/lib/rescue502",
    "module_utils/run/undo_log.py": "/var/lib/rescue502",
    "module_utils/run/run_lock.py": "/run/rescue502",
    "module_utils/run/trial_unit.py": "/run/systemd/system",
    "module_utils/run/heard_lines.py": "/run/rescue502",
    "module_utils/run/leftovers.py": "this run's own folders",
    "module_utils/run/run_processes.py": "/proc/self",
    "module_utils/services/systemd_credentials.py": "a new folder in memory",
    "module_utils/remedies/code_trial.py": "a new folder",
    "module_utils/remedies/dump_sqlite.py": "a new folder",
    "module_utils/stack/others_at_work.py": "nothing is written: a lock is asked for its holder",
    "modules/abort_merge.py": "a new folder in memory",
    "modules/file_limit.py": "/etc/systemd/system",
    "modules/nginx_snippet.py": "/etc/nginx",
}
# Modules of Ansible's own that work on a path, or run what they are given.
ON_PATHS = {
    "file", "copy", "template", "lineinfile", "blockinfile", "replace", "unarchive", "assemble", "get_url", "git",
    "pip", "shell", "raw", "script", "uri", "tempfile", "synchronize",
}  # fmt: skip
# Folders that root alone can exchange: the role takes these two and no other.
EXCEPTIONS = {"roles/restore_temporary_folders/tasks/main.yml": ["/tmp", "/var/tmp", "/dev/shm"]}
TASK_PROGRAMS = SYSTEM | {"timeout", "psql", "runuser"}
# The variables that name what is the app's.
APPS_VARIABLES = tuple(
    f"rescue502_{name}" for name in ("root", "venv", "path", "env_file", "media", "static", "checkout", "manage_py")
)


def writes(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.Call]]:
    """The calls that write by a path, each with the function that it stands in."""
    bare = {
        item.asname or item.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for item in node.names
        if item.name in WRITERS.get(str(node.module), ())
    }
    for scope, call in scopes(tree):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        owner = getattr(getattr(call.func, "value", None), "id", "")
        options = {str(keyword.arg) for keyword in call.keywords}
        if owner in WRITERS and name in WRITERS[owner]:
            descriptor = bool(call.args) and is_descriptor(call.args[0])
            if not options & IN_AN_OPENED_FOLDER and not descriptor:
                yield scope, call
        elif (isinstance(call.func, ast.Name) and name in bare) or name in OF_PATHS or is_open_to_write(call, options):
            yield scope, call


def paths_of(call: ast.Call) -> int:
    """How many of a call's arguments are paths that it writes."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    return max(1, *(known.get(name, 1) for known in WRITERS.values()))


def is_descriptor(node: ast.expr) -> bool:
    """Whether an argument is an opened file: what fileno() gives, or a variable that is called one."""
    return getattr(getattr(node, "func", None), "attr", "") == "fileno" or getattr(node, "id", "") in DESCRIPTORS


def is_open_to_write(call: ast.Call, options: set[str]) -> bool:
    """Whether a call opens a path to be written, by a mode or by flags."""
    function = ast.unparse(call.func)
    if function in ("open", "io.open", "os.fdopen"):
        opened = call.args[0] if call.args else None
        if function == "os.fdopen" or (isinstance(opened, ast.Call) and ast.unparse(opened.func) == "os.open"):
            # That call is judged by itself.
            return False
        mode = call.args[1] if len(call.args) > 1 else next((k.value for k in call.keywords if k.arg == "mode"), None)
        return mode is not None and (not isinstance(mode, ast.Constant) or bool(set(str(mode.value)) & set("wax+")))
    if function != "os.open" or options & IN_AN_OPENED_FOLDER:
        return False
    flags = call.args[1] if len(call.args) > 1 else None
    if isinstance(flags, ast.Name):
        return flags.id not in READING
    return flags is not None and bool({getattr(part, "attr", "") for part in ast.walk(flags)} & FLAGS)


def complaints(source: str, is_helper: bool = False) -> list[str]:
    """The writes of one source that are not allowed. A helper's own are, but for paths that are the app's by name."""
    tree = parsed(source)
    wrong = []
    for scope, call in writes(tree):
        named = [keyword.value for keyword in call.keywords if keyword.arg in ("path", "src", "dst", "file")]
        paths = [*call.args[: paths_of(call)], *named]
        apps = sorted({word for path in paths for word in words_of(tree, scope, path)} & APPS_OWN)
        if apps or not is_helper:
            wrong.append(f"line {call.lineno} writes by a path: {ast.unparse(call)[:80]} {' '.join(apps)}")
    return wrong


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_nothing_of_the_apps_is_written_by_a_path(path: Path) -> None:
    """Only the helpers of the list write by a path, in folders that are root's own or new."""
    assert complaints(path.read_text(encoding="utf-8"), name_of(path) in BY_PATH) == []


def test_the_list_of_helpers_is_no_longer_than_it_must_be() -> None:
    """Each of them writes by a path."""
    unused = [name for name in BY_PATH if not list(writes(parsed((PLUGINS / name).read_text(encoding="utf-8"))))]
    assert unused == []


@pytest.mark.parametrize(
    "source",
    [
        "os.chmod(venv + '/bin/python', 0o755)",
        "open(os.path.join(root, 'x'), 'w')",
        "open(path, mode='a')",
        "shutil.chown(root, 'app')",
        "import shutil as s\ns.rmtree(path)",
        "from os import chmod\nchmod(path, 0o755)",
        "from os import chmod as c\nc(path, 0o755)",
        "os.open(path, os.O_WRONLY | os.O_CREAT)",
        "os.open(path, flags)",
        "Path(path).write_text('x')",
    ],
)
def test_a_write_by_a_path_is_seen(source: str) -> None:
    """The test above reads the source: it must see what it forbids."""
    assert complaints(source)


@pytest.mark.parametrize(
    "source",
    [
        "os.chmod(venv + '/bin/python', 0o755)",
        "path = stack.root\nos.unlink(path)",
        "def f(p): os.rmdir(p)\nf(x.venv)",
        "os.rename(draft, os.path.join(root, 'x'))",
    ],
)
def test_a_helper_may_not_write_into_the_apps_tree(source: str) -> None:
    """Whatever list it is on."""
    assert complaints(source, is_helper=True)
    assert complaints("os.unlink(path)", is_helper=True) == []


def task_files() -> list[Path]:
    """All files of tasks, handlers and plays."""
    found = [*(ROOT / "roles").glob("*/tasks/*.yml"), *(ROOT / "roles").glob("*/handlers/*.yml")]
    return sorted([*found, *(ROOT / "playbooks").rglob("*.yml"), ROOT / "recover.yml"])


def tasks_of(node: Any) -> Iterator[dict[str, Any]]:
    """Each mapping in a document that may be a task: plays, blocks and their tasks."""
    if isinstance(node, dict):
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from tasks_of(part)


def task_complaints(text: str) -> list[str]:
    """What is wrong with the tasks of one file: modules that work on paths, commands that name what is the app's."""
    wrong = []
    for task in tasks_of(yaml.safe_load(text)):
        for key, given in task.items():
            module = str(key).rpartition(".")[2]
            if module in ON_PATHS and (str(key).startswith("ansible.") or "name" in task):
                wrong.append(f"{task.get('name')}: {key}")
            elif module == "command" and (str(key).startswith("ansible.") or "name" in task):
                wrong += [f"{task.get('name')}: {why}" for why in command_complaints(given)]
    return wrong


def command_complaints(given: Any) -> list[str]:
    """What is wrong with one command: a shell's text, a program of unknown origin, a folder, a path of the app's."""
    argv = given.get("argv") if isinstance(given, dict) else None
    first = argv[0] if isinstance(argv, list) and argv else str(argv).lstrip("{[ '\"").partition("'")[0]
    wrong = [] if first in TASK_PROGRAMS else [f"starts {first}"]
    wrong += [f"names {name}" for name in APPS_VARIABLES if name in str(given)]
    if isinstance(given, dict) and given.get("chdir", "/") != "/":
        wrong.append(f"starts in {given['chdir']}")
    return wrong


@pytest.mark.parametrize("path", task_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_task_works_on_a_path_of_the_apps(path: Path) -> None:
    """Files are changed by modules of ours, which open them; commands are the system's own."""
    name = str(path.relative_to(ROOT))
    wrong = task_complaints(path.read_text(encoding="utf-8"))
    if name in EXCEPTIONS:
        specs = yaml.safe_load((path.parents[1] / "meta/argument_specs.yml").read_text(encoding="utf-8"))
        (option,) = specs["argument_specs"]["main"]["options"].values()
        assert option["choices"] == EXCEPTIONS[name]
        assert len(wrong) == 1
    else:
        assert wrong == []


@pytest.mark.parametrize(
    "task",
    [
        "ansible.builtin.file: {path: '{{ rescue502_path }}', mode: a+x}",
        "ansible.builtin.copy: {dest: /etc/x, content: ''}",
        "ansible.builtin.shell: systemctl restart x",
        "ansible.builtin.command: systemctl restart x",
        "ansible.builtin.command: {argv: [systemctl, cat, '{{ rescue502_root }}']}",
        "ansible.builtin.command: {argv: ['{{ rescue502_venv }}/bin/python', -V]}",
        "ansible.builtin.command: {argv: [git, status]}",
        "ansible.builtin.command: {argv: [systemctl, status], chdir: /srv}",
        "file: {path: /srv/x, state: absent}",
    ],
)
def test_a_forbidden_task_is_seen(task: str) -> None:
    """Also in a block, and in a play."""
    block = f"- name: A block\n  block:\n    - name: A task\n      {task}\n"
    assert task_complaints(block)
    assert task_complaints("- hosts: all\n  tasks:\n" + "".join(f"    {line}\n" for line in block.splitlines()))
