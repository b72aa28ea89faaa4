"""The rooms of plugins/: each file stands in one, and imports point down only."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"
# From the ground up. A room may import from itself and from those before it.
ON_TARGETS = (
    "system", "files", "secrets", "run", "services", "stack", "django_app", "storage", "collectors", "baseline",
    "remedies", "probe",
)  # fmt: skip
ON_THE_CONTROLLER = ("text", "catalogue", "diagnosis", "report", "run")
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


def test_unit_tests_stand_in_the_same_rooms() -> None:
    """Tests of one module stand below the names of its folders; those of the runner, in src, in `runner`."""
    below = Path(__file__).parent
    folders = {path.parent.relative_to(below) for path in below.rglob("test_*.py")}
    assert Path("module_utils/files") in folders
    assert [str(folder) for folder in folders if not (PLUGINS / folder).is_dir() and folder.name != "runner"] == []
