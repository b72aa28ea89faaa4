"""The roles: what each says of itself, in one place and whole, and that its options come from where they should."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue import remedies
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import (
    Catalogue,
    CatalogueError,
    load,
)
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import blocking, plan
from ansible_collections.rescue502.django.plugins.plugin_utils.run.decision import require_found

CATALOGUE = load()
REMEDIES = remedies.load()
PLACES = {"root": "/srv/shop", "venv": "/srv/shop/venv", "unit": "shop.service"}
# The app, which the play hands to every remedy under these names.
STACK = set(
    re.findall(
        r"^ {8}(rescue502_\w+): ", (remedies.roles_path().parent / "playbooks/tasks/remedy.yml").read_text(), re.M
    )
) - {"rescue502_found"}

each = pytest.mark.parametrize("name", REMEDIES)


def read(name: str, path: str) -> dict[str, Any]:
    """A file of a role; empty where it has none."""
    file = remedies.roles_path() / name / path
    return yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}


def options(name: str) -> dict[str, dict[str, Any]]:
    """What a role takes."""
    found: dict[str, dict[str, Any]] = read(name, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    return found


def tasks(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tasks, those in blocks too."""
    return [task for item in items for task in (tasks(item["block"]) if "block" in item else [item])]


def test_all_are_there() -> None:
    """Nothing but roles lies in the folder, and every remedy of ours that a failure mode names is one of them."""
    named = {name for mode in CATALOGUE.modes.values() for name in (mode.remedy, *mode.then) if name}
    assert named <= set(REMEDIES)


@each
def test_a_role_says_what_it_does_touches_and_risks(name: str) -> None:
    """And how that is taken back, and what it needs root for, in whole sentences."""
    remedy = REMEDIES[name]
    assert remedy.short
    for sentence in (remedy.does, remedy.touches, remedy.risk, remedy.root):
        assert sentence.endswith(".")
        assert "C(" not in remedy.touches + remedy.risk + remedy.root, "these are Markdown"
    assert remedy.undo in remedies.UNDO
    for pattern in remedy.also_changes:
        assert pattern.format(**PLACES)


@each
def test_galaxy_names_the_same(name: str) -> None:
    """The description in meta/main.yml is the one of argument_specs.yml; a role of ours needs no other."""
    meta = read(name, "meta/main.yml")
    assert meta["galaxy_info"]["description"] == REMEDIES[name].short
    assert meta["galaxy_info"]["license"] == "GPL-3.0-or-later"
    assert meta["dependencies"] == []


@each
def test_defaults_stand_in_one_place(name: str) -> None:
    """Each option is the app's, or has a default; one that argument_specs.yml states is that very one."""
    defaults, known = read(name, "defaults/main.yml"), options(name)
    assert set(defaults) <= set(known)
    for option, spec in known.items():
        if option not in defaults:
            assert option in STACK, f"{option} has no default"
            assert spec.get("required"), f"{option} has no default"
        elif "default" in spec and "rescue502_found" not in str(defaults[option]):
            assert defaults[option] == spec["default"], option
        if spec.get("required"):
            assert option not in defaults or "mandatory" in defaults[option], option


@each
def test_what_was_found_reaches_the_role(name: str) -> None:
    """What a failure mode's `vars` find is an option of its remedy, which takes it by its default."""
    defaults = read(name, "defaults/main.yml")
    found = {key for mode in CATALOGUE.modes.values() if mode.remedy == name for key in mode.vars}
    taken = {key for key, value in defaults.items() if f"rescue502_found.{key} " in str(value)}
    assert found <= taken
    assert taken == {key for key, value in defaults.items() if "rescue502_found" in str(value)}


@each
def test_what_a_role_registers_bears_its_name(name: str) -> None:
    """The incident's record knows by it whether a remedy changed anything."""
    found = yaml.safe_load((remedies.roles_path() / name / "tasks/main.yml").read_text(encoding="utf-8"))
    registered = [task["register"] for task in tasks(found) if "register" in task]
    assert [item for item in registered if not item.startswith(f"{name}_")] == []


def test_of_a_role_that_is_not_there_nothing_is_known() -> None:
    """Nor of a name that is none: what a saved incident holds opens no file."""
    for name in ("acme.ops.finish_deploy", "no_such_role", "../roles/restart", "", "a.b", "restart."):
        assert remedies.get(name) == remedies.Remedy(name)
    assert remedies.get("restart").starts == ("app",)


KNOWN = """---
touches: The deploy's lock.
risk: None known.
root: removing a file of root's.
undo: irreversible
starts: [app]
runs_app: true
works_on_code: false
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The remedy.yml of a user's own role, where Python finds its collection."""
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "ansible_collections/acme/shop/roles/unlock/meta/remedy.yml"
    path.parent.mkdir(parents=True)
    path.write_text(KNOWN, encoding="utf-8")
    return path


def test_a_users_own_role_says_the_same_of_itself(own: Path) -> None:
    """It is held back as ours are."""
    known = remedies.get("acme.shop.unlock")
    assert (known.starts, known.runs_app, known.touches) == (("app",), True, "The deploy's lock.")
    assert blocking.Blocking([], ["code/syntax-error"], []).of("acme.shop.unlock") == ["code/syntax-error"]
    assert blocking.Blocking(["code/conflict-markers"], [], []).of("acme.shop.unlock") == []
    assert blocking.Blocking([], [], ["schema/risky-migrations"]).of("acme.shop.unlock") == ["schema/risky-migrations"]


def test_a_users_own_role_is_not_done_without_the_restart(own: Path) -> None:
    """Nor the restart without it, as with our migrations, where its file says so."""
    name, causes = "acme.shop.unlock", {"acme.shop.unlock": ["own/behind"], plan.RESTART: ["own/behind"]}
    own.write_text(f"{KNOWN}before_restart: true\n", encoding="utf-8")
    assert plan.held_with({name}, causes) == {plan.RESTART: name}
    assert plan.held_with({plan.RESTART}, causes) == {name: plan.RESTART}
    assert plan.held_with({"clean_pyc"}, {"clean_pyc": ["own/behind"], **causes}) == {}


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        ("undo: irreversible", "undo: never", 5, "undo"),
        ("starts: [app]", "starts: [redis]", 6, "starts"),
        ("starts: [app]", "starts: app", 6, "starts"),
        ("runs_app: true", "runs_apps: true", 7, "runs_apps"),
        ("runs_app: true", "runs_app: 'no'", 7, "runs_app"),
        ("risk: None known.\n", "", 1, "risk"),
        ("works_on_code: false", "works_on_code: false\nalso_changes: [1]", 9, "also_changes"),
    ],
)
def test_what_breaks_the_schema_is_refused(own: Path, old: str, new: str, line: int, key: str) -> None:
    """With file, line and key, before anything is changed."""
    own.write_text(KNOWN.replace(old, new), encoding="utf-8")
    with pytest.raises(CatalogueError, match=rf"remedy\.yml:{line}: key '{key}'"):
        remedies.get("acme.shop.unlock")
    own.write_text("a: [", encoding="utf-8")
    with pytest.raises(CatalogueError, match="not valid YAML"):
        remedies.get("acme.shop.unlock")
    own.write_text("- a", encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"remedy\.yml:1: not a mapping"):
        remedies.get("acme.shop.unlock")


def test_a_users_own_roles_are_read_before_anything_is_done(own: Path) -> None:
    """Those that the catalogue names, as remedies or to follow one. One that says nothing of itself is let pass."""
    mode = CATALOGUE.modes["service/stopped"]

    def naming(remedy: str, *then: str) -> Catalogue:
        return Catalogue({mode.id: replace(mode, remedy=remedy, then=then)})

    mute = own.parents[2] / "mute"
    mute.mkdir()
    assert remedies.get("acme.shop.mute") == remedies.Remedy("acme.shop.mute")
    remedies.require_sound(naming("restart", "acme.shop.unlock", "acme.shop.mute"))
    assert set(remedies.named_by(naming("restart", "acme.shop.unlock"))) == {"acme.shop.unlock", "restart"}
    own.write_text(KNOWN.replace("[app]", "[redis]"), encoding="utf-8")
    remedies._load_role.cache_clear()
    remedies.require_sound(naming("restart", "migrate"))
    for named in (naming("acme.shop.unlock"), naming("restart", "acme.shop.unlock")):
        with pytest.raises(CatalogueError, match="'redis' is not one of: app, database, proxy"):
            remedies.require_sound(named)


class Verbatim:
    """Stands for Ansible's templar where nothing is to be rendered."""

    @staticmethod
    def template(value: object) -> object:
        return value


def test_what_was_found_gives_way_to_nothing() -> None:
    """A variable that the user has set for a role alone is not what another remedy works on."""
    todo = [plan.Action("make_executable", ["service/exec-failed"], "safe", 7, True, {"rescue502_path": "/a"}).public()]
    require_found(todo, {"rescue502_root": "/srv"}, Verbatim())
    require_found(todo, {"rescue502_path": "/a"}, Verbatim())
    with pytest.raises(AnsibleActionFail, match="rescue502_path is set for this host"):
        require_found(todo, {"rescue502_path": "/b"}, Verbatim())
    own = [plan.Action("acme.ops.finish_deploy", ["service/stopped"], "ask", 7, True, {"unit": "shop"}).public()]
    require_found(own, {"unit": "other"}, Verbatim())
