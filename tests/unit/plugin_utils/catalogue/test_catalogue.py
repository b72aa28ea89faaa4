"""The catalogue: every file is sound, and one that is not is reported by file, line and key."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import yaml_text
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import (
    CatalogueError,
    check_names,
    load,
    load_file,
    own_path,
)
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.failure_checks import FEATURES

from lab import shape
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
    """Their conditions and sentences are read here, and not at every look at a host; so are the names in them."""
    mode = load_file(path)
    assert mode == OURS[f"{path.parent.name}/{path.stem}"]
    check_names(mode, OURS)


def test_the_features_are_those_of_the_lab() -> None:
    """What a file may ask of a host is what some shape has."""
    assert set().union(*(shape.load(name).features() for name in shape.names())) == set(FEATURES)


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
        ("remedy: restart", "remedy: restart\nexplained_by: [cod/*]", 9, "explained_by"),
        ("remedy: restart", "remedy: restart\nexplained_by: [code/sintax-error]", 9, "explained_by"),
        ("remedy: restart", "remedy: restart\nexplains: [proxy/*, edge/nothing]", 9, "explains"),
        ("remedy: restart", "remedy: restart\nexplains: [host/*]", 9, "explains"),
        ("remedy: restart", "remedy: restart\nwhere: [nosuch]", 9, "where"),
        ("remedy: restart", "remedy: restart\nsafe_when: [edge.well]", 9, "safe_when"),
        ("severity: outage", "severity: advice\nlesser_when: [app.serves]", 6, "lesser_when"),
        ("risk: safe", "risk: never\nrepair_when: [edge.well]", 5, "repair_when"),
        ("remedy: restart", "remedy: restrat", 8, "remedy"),
        ("remedy: restart\n", "", 1, "remedy"),
        ("remedy: restart", "remedy: restart\nthen: [../restart]", 9, "then"),
        ("when: [edge.well]", "when: [edge.well, not edge.wel]", 6, "when"),
        ("when: [edge.well]", "when: [egde.well]", 6, "when"),
        ("because: because", "because: '{{ edge.checks[0].stat }}'", 7, "because"),
        ("by_hand: do it", "by_hand: '{% for check in edge.checks %}{{ check.adress }}{% endfor %}'", 9, "by_hand"),
        ("remedy: restart", "vars: {rescue502_x: stack.unti}", 8, "vars"),
    ],
)
def test_a_broken_file_is_reported(tmp_path: Path, old: str, new: str, line: int, key: str) -> None:
    """File, line and key of the first breach."""
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(CatalogueError) as reported:
        load([own_path(), tmp_path])
    assert f"{path}:{line}: key '{key}'" in str(reported.value)


def test_a_users_own_role_has_a_full_name(tmp_path: Path) -> None:
    """It cannot be looked for without Ansible, and is taken as it is."""
    write(tmp_path, GOOD.replace("remedy: restart", "remedy: acme.ops.finish_deploy"))
    assert load([own_path(), tmp_path]).modes["service/mine"].remedy == "acme.ops.finish_deploy"


def test_an_unknown_fact_is_reported_with_the_nearest(tmp_path: Path) -> None:
    """The one that was meant is most often at hand."""
    write(tmp_path, GOOD.replace("edge.well", "edge.checks | rejectattr('wel') | list"))
    with pytest.raises(CatalogueError, match=r"no evidence has 'edge\.checks\[\]\.wel', did you mean 'well'\?"):
        load([own_path(), tmp_path])


def test_loading_takes_little_time() -> None:
    """Our own files are not proved at each look: 0.03 s of a core, and some times that while coverage is measured."""
    begun = time.process_time()
    load()
    assert time.process_time() - begun < 0.3


def test_invalid_yaml_is_reported(tmp_path: Path) -> None:
    """A syntax error in the file itself has a line too."""
    write(tmp_path, "title: [\n")
    with pytest.raises(CatalogueError, match=r"mine\.yml:2: not valid YAML"):
        load([tmp_path])


@pytest.mark.parametrize("text", ["- title: A title\n", "A title\n", ""])
def test_a_file_that_is_no_mapping_is_told(tmp_path: Path, text: str) -> None:
    """A list, a text and nothing hold no keys."""
    path = write(tmp_path, text)
    with pytest.raises(CatalogueError, match=r"mine\.yml:1: .* mapping"):
        load_file(path)
    assert yaml_text.lines_of_keys(text) == {}


def test_a_folder_is_a_layer(tmp_path: Path) -> None:
    """The message names those that there are."""
    path = write(tmp_path, GOOD, "servce/mine.yml")
    with pytest.raises(CatalogueError, match=r"mine\.yml:1: .*'servce'.* host, database, files"):
        load([path.parents[1]])
    with pytest.raises(CatalogueError, match="no such folder"):
        load([tmp_path / "elsewhere"])


def test_a_users_own_file_overrides_ours(tmp_path: Path) -> None:
    """A later folder wins."""
    write(tmp_path, GOOD, "service/stopped.yml")
    assert load([own_path(), tmp_path]).modes["service/stopped"].title == "A title"


def test_the_docs_are_up_to_date() -> None:
    """docs/failure-modes is what `make docs` writes: no page is stale, missing or left over."""
    assert make_docs.stale() == []
