"""The rooms of plugins/: each file stands in one, as its unit tests do, and imports point down only."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"
# From the ground up. A room may import from itself and from those before it.
ON_TARGETS = (
    "system", "files", "secrets", "run", "services", "stack", "django_app", "storage", "collectors", "baseline",
    "remedies", "probe",
)  # fmt: skip
ON_THE_CONTROLLER = ("text", "catalogue", "diagnosis", "report", "run", "awx")
# Lines of a file, comments and documentation included.
LONGEST = 250
_IMPORT = re.compile(r"django\.plugins\.(module_utils|plugin_utils)\.(\w+)")


def rooms(kind: str) -> dict[Path, str]:
    """Files of module_utils or plugin_utils, with the room that each stands in; empty for one outside of any."""
    folder = PLUGINS / kind
    paths = [path.relative_to(folder) for path in folder.rglob("*.py") if path.name != "__init__.py"]
    return {folder / path: path.parts[0] if len(path.parts) == 2 else "" for path in paths}


@pytest.mark.parametrize(
    ("kind", "order"), [("module_utils", ON_TARGETS), ("plugin_utils", ON_THE_CONTROLLER)], ids=lambda item: str(item)
)
def test_arrows_point_down(kind: str, order: tuple[str, ...]) -> None:
    """No file imports from a room above its own; what runs on targets imports nothing of the controller's."""
    found = rooms(kind)
    assert set(found.values()) == set(order)
    wrong = []
    for path, room in found.items():
        for other_kind, other in _IMPORT.findall(path.read_text(encoding="utf-8")):
            down = other_kind == "module_utils" if other_kind != kind else order.index(other) <= order.index(room)
            wrong += [] if down else [f"{path.relative_to(PLUGINS)} imports {other_kind}.{other}"]
    assert wrong == []


def test_the_import_of_a_room_is_seen() -> None:
    """The test above reads imports: it must find those that are there."""
    lines = [path.read_text(encoding="utf-8") for path in rooms("module_utils")]
    assert sum(len(_IMPORT.findall(text)) for text in lines) > 100


# Folders of tests/unit that are no room of plugins/, by what their tests import; `runner` is src/rescue502.
OTHER_FOLDERS = {"failures": "plugin_utils/catalogue", "lab": "lab", "tools": "tools", "runner": "rescue502"}
BELOW = Path(__file__).parent
CATALOGUE = "plugin_utils/catalogue"
_TESTED = re.compile(
    r"(?:from|import) (?:ansible_collections\.rescue502\.django\.plugins\.)?"
    r"(module_utils\.\w+|plugin_utils\.\w+|modules|action|filter|lab|tools|rescue502)\b"
)


def imported(path: Path) -> set[str]:
    """Rooms and packages that a unit test imports, itself or by the test next to it whose words it uses."""
    found = set()
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := _TESTED.match(line):
            found.add(match.group(1).replace(".", "/"))
        elif match := re.match(r"from (\w+) import", line):
            other = path.with_name(f"{match.group(1)}.py")
            found |= imported(other) if other.exists() else set()
    return found


def test_unit_tests_stand_in_the_same_rooms() -> None:
    """What stands in a folder tests that room: it imports it."""
    wrong = []
    for path in BELOW.glob("*/**/test_*.py"):
        folder = path.parent.relative_to(BELOW).as_posix()
        assert folder in OTHER_FOLDERS or (PLUGINS / folder).is_dir(), folder
        wrong += [] if OTHER_FOLDERS.get(folder, folder) in imported(path) else [str(path.relative_to(BELOW))]
    assert wrong == []


def test_only_tests_of_several_rooms_stand_outside() -> None:
    """Those that import one room of plugins/ stand in it; next to another, the catalogue is what that room works on."""
    flat = {path: imported(path) - {"lab", "tools", "rescue502"} for path in BELOW.glob("test_*.py")}
    assert len(flat) > 10
    assert [path.name for path, rooms in flat.items() if len(rooms - {CATALOGUE} or rooms) == 1] == []


COLLECTORS = "ansible_collections.rescue502.django.plugins.module_utils.collectors"


def collectors_of(path: Path) -> set[str]:
    """The files of collectors/ that a file imports itself, by their names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == COLLECTORS:
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{COLLECTORS}."):
            found.add(str(node.module).rpartition(".")[2])
    return found


def test_each_collector_is_imported_by_a_unit_test() -> None:
    """By the test itself: the look imports them all (stages.py), so that any test of it would count for each."""
    files = {path.stem for path, room in rooms("module_utils").items() if room == "collectors"}
    tested = {name for path in BELOW.rglob("test_*.py") for name in collectors_of(path)}
    assert len(files) > 40
    assert sorted(files - tested) == []


def test_no_file_is_longer_than_one_can_read() -> None:
    """A screen or two is what we want; what has more lines than this is to be split where its parts do not mix."""
    root = PLUGINS.parent
    long = {
        str(path.relative_to(root)): lines
        for folder in ("plugins", "src", "lab", "tools")
        for path in (root / folder).rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert long == {}
