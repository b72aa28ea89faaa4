"""The catalogue: every file is sound, and one that is not is told by file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import (
    CatalogueError,
    load,
    load_file,
    own_path,
)

from tools import make_docs

ROLES = own_path().parent / "roles"
OURS = load().modes
GOOD = """---
title: A title
means: What it means.
risk: safe
severity: outage
when: [edge.well]
because: because
remedy: restart
by_hand: do it
reproduce: break it
edge: "502"
"""


def write(folder: Path, text: str, name: str = "service/mine.yml") -> Path:
    """A folder with one failure file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(own_path().glob("*/*.yml")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_our_own_files_are_sound(path: Path) -> None:
    """Their conditions and sentences are read here, and not at every look at a host."""
    assert load_file(path) == OURS[f"{path.parent.name}/{path.stem}"]


def test_every_remedy_is_a_role() -> None:
    """What the catalogue names as a remedy exists."""
    for mode in OURS.values():
        for remedy in filter(None, (mode.remedy, *mode.then)):
            assert (ROLES / remedy / "tasks" / "main.yml").is_file(), f"{mode.id}: {remedy}"


def test_every_explanation_names_something() -> None:
    """`explained_by` names failure modes that exist, or a pattern over a layer."""
    for mode in OURS.values():
        for name in mode.explained_by:
            assert name.endswith("/*") or name in OURS, f"{mode.id}: {name}"


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        ("risk: safe", "risk: sometimes", 4, "risk"),
        ("severity: outage", "severity: 3", 5, "severity"),
        ("when: [edge.well]", "when: [edge.well and]", 6, "when"),
        ("when: [edge.well]", "when: []", 6, "when"),
        ("when: [edge.well]", "when: [edge.checks | lenght]", 6, "when"),
        ("when: [edge.well]", "when: [edge.well and edge.checks is serch('x')]", 6, "when"),
        ("remedy: restart", "vars: {rescue502_x: edge.checks | frist}", 8, "vars"),
        ("because: because", "because: '{{ edge.checks | joined }}'", 7, "because"),
        ("remedy: restart", "remedi: restart", 8, "remedi"),
        ("because: because", 'because: "{{ x"', 7, "because"),
        ("title: A title\n", "", 1, "title"),
        ('edge: "502"', "edge: 502", 11, "edge"),
        ("remedy: restart", "remedy: restart\nexplained_by: [host/*, proxy/*]", 9, "explained_by"),
    ],
)
def test_a_broken_file_is_told(tmp_path: Path, old: str, new: str, line: int, key: str) -> None:
    """File, line and key of the first breach."""
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(CatalogueError) as told:
        load([tmp_path])
    assert f"{path}:{line}: key '{key}'" in str(told.value)


def test_yaml_that_is_none_is_told(tmp_path: Path) -> None:
    """A syntax error in the file itself has a line too."""
    write(tmp_path, "title: [\n")
    with pytest.raises(CatalogueError, match=r"mine\.yml:2: not valid YAML"):
        load([tmp_path])


def test_a_users_own_file_overrides_ours(tmp_path: Path) -> None:
    """A later folder wins."""
    write(tmp_path, GOOD, "service/stopped.yml")
    assert load([own_path(), tmp_path]).modes["service/stopped"].title == "A title"


def test_the_docs_are_up_to_date() -> None:
    """docs/failure-modes is what `make docs` writes: no page is stale, missing or left over."""
    assert make_docs.stale() == []
