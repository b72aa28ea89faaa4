"""An app's user who wants root: nothing that it can write is run, made, removed, read or given away by root."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import hostile_trees
import names
import pytest
from handed_out import all_text
from hostile_trees import GIT_PROGRAMS, HOLES, MARKS, SETTINGS, TREES
from test_traps import play
from tiers import each_change
from unharmed import count

import lab
from lab.site import Site, differences, named

SHADOW = "daemon:*:"
# The modules that run git, for real and in check mode.
GIT_MODULES = """
- name: The code is at another commit
  rescue502.django.rollback_code: {root: "{{ item[0] }}", commit: HEAD~1}
  check_mode: "{{ item[1] }}"
  loop: "{{ roots.split(',') | product([true, false]) }}"
  ignore_errors: true
- name: No merge is half done
  rescue502.django.abort_merge: {root: "{{ item }}"}
  loop: "{{ roots.split(',') }}"
  ignore_errors: true
- name: The newest code is there
  rescue502.django.pull_code: {root: "{{ item }}"}
  loop: "{{ roots.split(',') }}"
  ignore_errors: true
"""
PIP_ROLES = """
- name: The packages are there
  ansible.builtin.include_role:
    name: "rescue502.django.{{ item[0] }}"
    apply:
      check_mode: "{{ item[1] }}"
      ignore_errors: true
  vars:
    rescue502_root: "/srv/trees/{{ item[2] }}/app"
    rescue502_venv: "/srv/trees/{{ item[2] }}/venv"
    rescue502_user: www-data
  loop: >-
    {{ [['pip_install', true], ['pip_install', false], ['rebuild_venv', false]] | product(names.split(','))
    | map('flatten') }}
"""


@dataclass
class Seen:
    """What came of the plants of a kind: by hand, when rescue502 came by, and what that said."""

    by_hand: set[str]
    after: set[str]
    output: str
    changed: set[str]


def as_root(seen: Seen, name: str) -> set[str]:
    """The marks of one plant that root has left."""
    return {mark for mark in seen.after if mark == f"{name}.0"}


def marks(host: lab.Host) -> set[str]:
    """The marks that were left, each NAME.UID; they are taken away."""
    return set(host.run(f"ls {MARKS}; rm -f {MARKS}/*").stdout.split())


@pytest.fixture(scope="module")
def usual(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One host of the usual shape for all plants that stand in folders of their own."""
    host = lab.Host(names.of(worker_id)).up()
    host.run(hostile_trees.PREPARE)
    yield Site(host, tmp_path_factory.mktemp("hostile-trees"))
    host.down()


def by_modules(site: Site) -> str:
    """The output of the modules that run git in the app's checkout. Asserts that they went to another commit there."""
    ask = 'runuser -u "$APP_USER" -- git -C "$ROOT" rev-parse '
    before, parent = site.host.snapshot(), site.host.run(f"{ask} HEAD~1").stdout
    output = play(site, GIT_MODULES.partition("- name: The newest")[0], roots=site.shape.root)
    assert re.findall(r"changed: .*item=.*, (\w+)\]\)", output) == ["True", "False"], output
    assert site.host.run(f"{ask} HEAD").stdout == parent
    changed = differences(before, site.host.snapshot())
    assert f"files:{site.shape.root}/.git/HEAD" in changed
    assert {item for item in changed if not item.startswith(f"files:{site.shape.root}/.git/")} == set()
    return output


@pytest.fixture(scope="module")
def git_programs(usual: Site) -> Seen:
    """The app's checkout, in which everything that git can be configured to run is named."""
    host = usual.host
    host.break_with("", hostile_trees.PLANT_GIT_PROGRAMS)
    by_hand = set()
    for command in dict.fromkeys(GIT_PROGRAMS.values()):
        host.run(hostile_trees.TRY_GIT.format(command=command))
        by_hand |= marks(host)
    host.run('touch "$ROOT/manage.py" "$ROOT/$PACKAGE"/*.py')
    output = ""
    before = host.snapshot()
    for name, words in (("diagnose", ()), ("recover", ("--check",)), ("recover", ())):
        code, incident, text = usual.play(name, *words, rescue502_level="full")
        assert code == 0, text
        assert len(incident["evidence"]["code"]["git"]["head"]) == 12, "git was asked"
        output += text
    changed = differences(before, host.snapshot())
    # A pull is what its user asks for, with the configuration of the checkout's owner.
    output += by_modules(usual)
    return Seen(by_hand, marks(host), output, changed)


@pytest.mark.xdist_group("hostile-trees")
@pytest.mark.parametrize("name", each_change(of=GIT_PROGRAMS))
def test_git_runs_nothing_that_the_checkout_names(git_programs: Seen, name: str) -> None:
    """It works by hand; no look and no remedy runs it, not even as the app's own user."""
    count(changed=git_programs.changed, root=as_root(git_programs, name))
    assert any(mark.startswith(f"{name}.") for mark in git_programs.by_hand), "plain git runs it"
    assert not any(mark.startswith(f"{name}.") for mark in git_programs.after), git_programs.output[-3000:]
    assert git_programs.changed == set()


@pytest.fixture(scope="module")
def holes(usual: Site) -> Seen:
    """Checkouts of root's, each with one place that the app's user can write."""
    host, by_hand = usual.host, set()
    for name, script in {**HOLES, "none": "true"}.items():
        prepared = hostile_trees.GRANT + hostile_trees.ROOTS_CHECKOUT + script
        run = "\ngit checkout -q -f HEAD~1; git checkout -q -f -; touch *.py code/*.py; git status"
        run = run.replace("git ", "git -c safe.directory='*' ")
        host.run(f"{prepared}\n{{ {run[1:]}; }} > /dev/null 2>&1 || true", variables={"NAME": name})
        by_hand |= marks(host)
    before = host.snapshot()
    output = play(usual, GIT_MODULES, roots=",".join(f"/srv/holes/{name}" for name in [*HOLES, "none"]))
    return Seen(by_hand, marks(host), output, differences(before, host.snapshot()))


@pytest.mark.xdist_group("hostile-trees")
@pytest.mark.parametrize("name", each_change("an-included-file", of=HOLES))
def test_roots_git_obeys_nobody_else(holes: Seen, name: str) -> None:
    """By hand root runs what others have put there; rescue502 says who could, and leaves the checkout alone."""
    count(changed=[item for item in holes.changed if f"/{name}/" in item], root=as_root(holes, name))
    assert f"{name}.0" in holes.by_hand, "root's own git runs it"
    assert not any(mark.startswith(f"{name}.") for mark in holes.after), holes.output[-3000:]
    assert not [item for item in holes.changed if f"/{name}/" in item]
    assert re.search(rf"failed: .*/srv/holes/{name}\b", holes.output), holes.output[-3000:]
    assert [item for item in holes.changed if "/srv/holes/none/" in item], "one that nobody else can write is changed"


@pytest.fixture(scope="module")
def trees(usual: Site) -> Seen:
    """Environments and requirements of root's, each with one thing that the app's user can write."""
    host, by_hand = usual.host, set()
    host.run(hostile_trees.BASE)
    for name, tree in {**TREES, "none": hostile_trees.Tree("echo sqlparse > app/requirements.txt")}.items():
        prepared = hostile_trees.GRANT + hostile_trees.TREE
        host.run(f"{prepared}\n{tree.plant}\n{tree.by_hand}", variables={"NAME": name})
        by_hand |= marks(host)
    before = host.snapshot()
    output = play(usual, PIP_ROLES, names=",".join([*TREES, "none"]))
    return Seen(by_hand, marks(host), output, differences(before, host.snapshot()))


@pytest.mark.xdist_group("hostile-trees")
@pytest.mark.parametrize("name", each_change("a-pth-file", of=TREES))
def test_roots_pip_obeys_nobody_else(trees: Seen, name: str) -> None:
    """By hand root runs what the app's user has put there; no role does, in check mode neither, and each says why."""
    count(changed=[item for item in trees.changed if f"/srv/trees/{name}/" in item], root=as_root(trees, name))
    assert f"{name}.0" in trees.by_hand, "root runs it"
    assert not any(mark.startswith(f"{name}.") for mark in trees.after), trees.output[-3000:]
    assert not [item for item in trees.changed if f"/srv/trees/{name}/" in item]
    assert hostile_trees.times_refused(name, trees.output) == 3, trees.output[-3000:]
    assert [item for item in trees.changed if "/srv/trees/none/venv" in item], "where all is root's, it is installed"


@pytest.mark.parametrize("name", each_change("pyproject-and-a-pth-file", of=hostile_trees.OF_THE_SITE))
def test_a_recovery_installs_nothing_as_root_for_the_app(site: Site, name: str) -> None:
    """The environment is root's, and a package is missing: by hand root would obey the app's user; a person decides."""
    host = site.host
    host.run(hostile_trees.PREPARE)
    host.break_with("dependencies/missing")
    plant = f"import os; open('{MARKS}/{name}.%d' % os.geteuid(), 'w').close()"
    host.run('chown -R root: "$VENV"')
    host.run(hostile_trees.OF_THE_SITE[name] + hostile_trees.TRY_SITE, variables={"PLANT": plant})
    assert f"{name}.0" in marks(host), "root runs it"
    before = host.snapshot()
    for play_name, words in (("diagnose", ()), ("recover", ("--check",)), ("recover", ())):
        _code, incident, output = site.play(play_name, *words, rescue502_level="full")
        assert "dependencies/missing" in named(incident), output
        assert f"{name}.0" not in marks(host), output
    assert incident["outcome"] not in ("healthy", "recovered", "degraded"), output
    assert "nothing is run as root" in output
    # The app's own user leaves a mark whenever systemd starts the app, as it may; root leaves none.
    changed = {item for item in differences(before, host.snapshot()) if not item.startswith(f"files:{MARKS}/")}
    by_root = {mark for mark in marks(host) if mark.endswith(".0")}
    count(changed=changed, root=by_root)
    assert (changed, by_root) == (set(), set())


@pytest.fixture(scope="module")
def configured(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A host whose gunicorn.conf.py and environment file are the app's own."""
    host = lab.Host(names.of(worker_id, "b"), "unix").up()
    host.run(hostile_trees.PREPARE)
    host.run(
        'cp -p "$ROOT/gunicorn.conf.py" "$ENV_FILE" /srv; echo secret-of-root > /root/secret.log; chmod 600 /root/*.log'
    )
    owners = host.run('stat -c %U "$ROOT/gunicorn.conf.py" "$ENV_FILE"').stdout.split()
    assert owners == [host.shape.user] * 2
    yield Site(host, tmp_path_factory.mktemp("configured"))
    host.down()


RESTORE = """
cp -p /srv/gunicorn.conf.py "$ROOT/gunicorn.conf.py"; cp -p /srv/environment "$ENV_FILE"; rm -f "$ROOT/way"
test ! -e /srv/settings.kept || mv /srv/settings.kept "$ROOT/$PACKAGE/settings.py"
systemctl reset-failed "$UNIT"; systemctl restart "$UNIT"
until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
"""


@pytest.mark.xdist_group("hostile-configuration")
@pytest.mark.parametrize("name", each_change(of=SETTINGS))
def test_gunicorns_configuration_decides_nothing(configured: Site, name: str) -> None:
    """What the app's user writes there is seen, and root makes, removes, reads and runs nothing because of it."""
    setting, site, host = SETTINGS[name], configured, configured.host
    host.break_with("", f"{setting.plant}\n")
    if setting.by_hand:
        host.run(setting.by_hand)
        assert {mark.split(".")[0] for mark in marks(host)} == {name}, "the code does it where it can"
    host.run(
        'printf "%s\\n" "$CONFIG" >> "$ROOT/gunicorn.conf.py"; printf "%s\\n" "$VARIABLES" >> "$ENV_FILE"; '
        'systemctl restart "$UNIT" || true; sleep 3',
        variables={"CONFIG": setting.config, "VARIABLES": setting.variables},
    )
    before, targets = host.snapshot(), host.run(hostile_trees.TARGETS).stdout
    texts, incidents = "", set[str]()
    for play_name, words in (("diagnose", ()), ("recover", ("--check",)), ("recover", ()), ("bundle", ())):
        _code, incident, output = site.play(play_name, *words, rescue502_level="full")
        texts += output + str(incident)
        incidents |= {incident["outcome"]} if incident else set()
        if play_name == "diagnose" and setting.shows[0]:
            found = incident["evidence"]
            for part in setting.shows[0].split("."):
                found = found[part]
            assert re.search(setting.shows[1], str(found)), output
        if play_name == "diagnose" and setting.finds:
            assert setting.finds in [finding["id"] for finding in incident["findings"]], output
    assert host.run(hostile_trees.TARGETS).stdout == targets, texts
    changed = {item for item in differences(before, host.snapshot()) if not item.startswith("files:/var/log/")}
    left = marks(host)
    count(changed=changed, root=left)
    assert (changed, left) == (set(), set()), texts
    assert SHADOW in host.run("cat /etc/shadow").stdout
    texts += all_text(site.folder, well=incidents == {"healthy"})
    assert SHADOW not in texts
    assert "secret-of-root" not in texts
    host.break_with("", RESTORE)
