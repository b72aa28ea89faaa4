"""Checkouts that name all that git can be told to run: amid a merge, behind their upstream, or broken by a commit.

So that what ends a merge, pulls, and tries commits comes to its work: it does that, and runs nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import hostile_trees
import names
import pytest
from hostile_trees import HOLES, MARKS
from test_hostile_trees import marks
from test_traps import play

import lab
from lab.site import Site, differences

# They share a host, so one worker takes them all.
pytestmark = pytest.mark.xdist_group("hostile-checkouts")

# What else git can be told to run; each with the command that runs it.
PROGRAMS = {
    "a-remote-shell": "ls-remote ssh://localhost/nowhere",
    "a-pager": "--paginate log -1",
    "a-credential-helper": "credential fill",
    "a-conversion-of-text": "cat-file --textconv HEAD:requirements.txt",
    "a-filter-of-the-account": "status",
    "a-merge-driver": "merge -q theirs",
}
PLANT = """
cat >> .git/config <<END
[core]
	sshCommand = "mark a-remote-shell; false"
	pager = "mark a-pager; cat"
[credential]
	helper = "!mark a-credential-helper; :"
[diff "one"]
	textconv = "mark a-conversion-of-text; cat"
[merge "one"]
	driver = "mark a-merge-driver; false"
END
home="$(getent passwd "$APP_USER" | cut -d: -f6)"
printf '[filter "home"]\\n\\tclean = "mark a-filter-of-the-account; cat"\\n' > "$home/.gitconfig"
chown "$APP_USER" "$home/.gitconfig"
echo 'requirements.txt filter=home diff=one' >> .git/info/attributes
sed -i 's/^manage.py .*/& merge=one/' .git/info/attributes
quiet() { app_git -c core.hooksPath=/dev/null -c core.fsmonitor=false "$@"; }
branch="$(app_git symbolic-ref --short HEAD)"
quiet checkout -q -b theirs
for file in manage.py "$PACKAGE/urls.py"; do sed -i '1a # theirs' "$file"; done
quiet commit -qam 'Theirs'
quiet checkout -q "$branch"
for file in manage.py "$PACKAGE/urls.py"; do sed -i '1a # ours' "$file"; done
quiet commit -qam 'Ours'
as_app git rev-parse HEAD > /srv/start; echo "$branch" > /srv/branch
install -d -o "$APP_USER" /srv/upstream.git
as_app git clone -q --bare --no-hardlinks "$ROOT" /srv/upstream.git
next="$(as_app git -C /srv/upstream.git -c user.name=a -c user.email=a@example.org \
  commit-tree HEAD^{tree} -p HEAD -m next)"
as_app git -C /srv/upstream.git update-ref "refs/heads/$branch" "$next"
as_app git remote remove origin 2> /dev/null || true
as_app git remote add origin /srv/upstream.git
quiet fetch -q origin; as_app git branch -q -u "origin/$branch"
"""
# Where the app is again as it was planted, before each test.
RESET = """
cd "$ROOT"; quiet() { app_git -c core.hooksPath=/dev/null -c core.fsmonitor=false "$@"; }
quiet merge --abort 2> /dev/null || true
quiet checkout -qf -B "$(cat /srv/branch)" "$(cat /srv/start)"
quiet branch -q -u "origin/$(cat /srv/branch)"
systemctl reset-failed "$UNIT"
restart_app; until_true "curl -sf -o /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
"""
# On a terminal, as a pager wants it.
BY_HAND = """
cd "$ROOT"; sleep 1.2; touch manage.py requirements.txt
home="$(getent passwd "$APP_USER" | cut -d: -f6)"
printf 'protocol=https\\nhost=example.org\\n\\n' > /srv/question
command='git -c user.name=a -c user.email=a@example.org {command} < /srv/question'
timeout 20 runuser -u "$APP_USER" -- env HOME="$home" script -qec "$command" /dev/null > /dev/null 2>&1 || true
"""
CONFLICT = """
quiet merge -q theirs > /dev/null 2>&1 || true; test -e .git/MERGE_HEAD; restart_app
"""
BROKEN = """
printf '\\ndef broken(:\\n' >> "$PACKAGE/urls.py"; quiet commit -qam 'Add an endpoint in a hurry'; restart_app
"""

# A partial clone: what it lacks git fetches by itself, by what the checkout's own configuration says (git-clone(1),
# --filter). The commit before the broken one lacks a file's content.
LACKS = """
as_app() {{ runuser -u "$APP_USER" -- "$@"; }}
date +%N > notes.txt; chown "$APP_USER" notes.txt
quiet add notes.txt; quiet commit -qm 'Notes'
blob="$(as_app git rev-parse HEAD:notes.txt)"
quiet rm -q notes.txt
{broken}
rm -f ".git/objects/${{blob:0:2}}/${{blob:2}}"
as_app git config core.repositoryFormatVersion 1
as_app git config extensions.partialClone promisor
as_app git config remote.promisor.promisor true
as_app git config remote.promisor.partialCloneFilter blob:none
{remote}
"""
WHOLE_AGAIN = """
as_app() { runuser -u "$APP_USER" -- "$@"; }
cd "$ROOT"
for name in remote.promisor extensions.partialClone; do
  as_app git config --remove-section "$name" 2> /dev/null || as_app git config --unset "$name" 2> /dev/null || true
done
as_app git config protocol.ext.allow never
"""
REMOTES = {
    "a-remote-helper": "as_app git config remote.promisor.url 'ext::mark a-remote-helper'\n"
    "as_app git config protocol.ext.allow always",
    "a-remote-shell": "as_app git config remote.promisor.url ssh://localhost/srv/upstream.git",
    "an-upload-pack": "as_app git config remote.promisor.url /srv/upstream.git\n"
    "as_app git config remote.promisor.uploadpack 'mark an-upload-pack; false'",
}


@pytest.fixture(scope="module")
def own(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A host whose checkout is the app's, with all programs planted; each runs when git is used by hand."""
    host = lab.Host(names.of(worker_id, "c")).up()
    host.run(hostile_trees.PREPARE)
    host.break_with("", hostile_trees.PLANT_GIT_PROGRAMS + PLANT)
    marks(host)
    for name, command in PROGRAMS.items():
        host.run(BY_HAND.format(command=command))
        assert any(mark.startswith(f"{name}.") for mark in marks(host)), f"plain git runs {name}"
    yield Site(host, tmp_path_factory.mktemp("hostile-checkouts"))
    host.down()


def break_checkout(host: lab.Host, script: str) -> None:
    """Bring the checkout to where it was, break it, and forget the marks that this has left."""
    host.break_with("", RESET + script)
    host.run(f"rm -f {MARKS}/*")


def test_commits_are_tried_in_it_and_gone_back_to(own: Site) -> None:
    """A commit with a syntax error, approved: earlier ones are tried aside, and one is gone back to."""
    break_checkout(own.host, BROKEN)
    _code, incident, output = own.play("recover", rescue502_level="full", rescue502_approve=["code/syntax-error"])
    tried = incident["evidence"]["trials"]["commits"]
    assert (tried["tried"] > 0, tried["back"]) == (True, 1), output
    done = {action["remedy"]: action["changed"] for action in incident["actions"]}
    assert (done.get("rollback_code"), incident["outcome"]) == (True, "recovered"), output
    assert marks(own.host) == set(), output


@pytest.mark.nightly
@pytest.mark.parametrize("name", REMOTES)
def test_a_partial_clone_fetches_nothing(own: Site, name: str) -> None:
    """A commit that is tried lacks a file's content, which plain git would fetch by a program of the checkout's own."""
    host = own.host
    host.break_with("", WHOLE_AGAIN + RESET + LACKS.format(broken=BROKEN, remote=REMOTES[name]))
    host.run(f"rm -f {MARKS}/*")
    host.run(BY_HAND.format(command="cat-file -p HEAD~1:notes.txt"))
    assert any(mark.startswith(f"{name}.") for mark in marks(host)), "plain git runs it"
    _code, incident, output = own.play("recover", rescue502_level="full", rescue502_approve=["code/syntax-error"])
    assert "code/syntax-error" in {finding["id"] for finding in incident["findings"]}, output
    assert "trials" in incident["evidence"], (incident["evidence"]["probe"], incident["evidence"]["code"])
    assert "git checkout-index failed" in incident["evidence"]["trials"]["commits"]["problem"], output
    assert marks(host) == set(), output
    host.break_with("", WHOLE_AGAIN)


@pytest.mark.nightly
def test_a_half_done_merge_is_given_up_in_it(own: Site) -> None:
    """Approved, it is ended, with its files kept on a branch."""
    break_checkout(own.host, CONFLICT)
    _code, incident, output = own.play("recover", rescue502_level="full", rescue502_approve=["abort_merge"])
    assert "code/conflict-markers" in {finding["id"] for finding in incident["findings"]}, output
    done = {action["remedy"]: action["changed"] for action in incident["actions"]}
    assert (done.get("abort_merge"), incident["outcome"]) == (True, "recovered"), output
    assert own.host.run('cd "$ROOT"; ls .git/MERGE_HEAD 2> /dev/null || echo ended').stdout == "ended\n"
    assert marks(own.host) == set(), output


@pytest.mark.nightly
def test_a_pull_is_its_owners(own: Site) -> None:
    """It obeys the owner's own configuration, as that owner and never as root."""
    break_checkout(own.host, "")
    output = play(own, "- rescue502.django.pull_code: {root: '{{ root }}'}", root=own.host.shape.root)
    ahead = 'runuser -u "$APP_USER" -- git -C "$ROOT" rev-parse HEAD "origin/$(cat /srv/branch)"'
    head, upstream = own.host.run(ahead).stdout.split()
    assert head == upstream != own.host.run("cat /srv/start").stdout.strip(), output
    left = marks(own.host)
    assert left, "the owner's programs are run"
    assert not [mark for mark in left if mark.endswith(".0")], output


# The same for checkouts of root's with one place that the app's user can write: behind their upstream, amid a merge.
ROOTS = """
install -d /srv/upstreams; git clone -q --bare --no-hardlinks . "/srv/upstreams/$NAME"
next="$(git -C "/srv/upstreams/$NAME" -c user.name=a -c user.email=a@example.org commit-tree HEAD^{tree} -p HEAD -m 3)"
git -C "/srv/upstreams/$NAME" update-ref HEAD "$next"
git remote add origin "/srv/upstreams/$NAME"; git fetch -q; git branch -q -u "origin/$(git symbolic-ref --short HEAD)"
git checkout -q -b theirs HEAD~1; printf 'x = 3\\n' > two.py; git commit -qam theirs; git checkout -q -
git merge -q theirs > /dev/null 2>&1 || true; test -e .git/MERGE_HEAD
"""
AT_WORK = """
- name: No merge is half done
  rescue502.django.abort_merge: {root: "/srv/holes/{{ item }}"}
  loop: "{{ names.split(',') }}"
  ignore_errors: true
- name: The newest code is there
  rescue502.django.pull_code: {root: "/srv/holes/{{ item }}"}
  loop: "{{ names.split(',') }}"
  ignore_errors: true
"""
USED_BY_HAND = """
touch *.py code/*.py; git() { command git -c safe.directory='*' "$@"; }
{ git status; git update-ref refs/heads/tried HEAD; } > /dev/null 2>&1 || true
"""


@pytest.mark.nightly
def test_in_roots_checkout_nothing_of_others_is_obeyed(own: Site) -> None:
    """Where others can write, neither a merge is ended nor code pulled as root, and both say so; else both are."""
    host = own.host
    for name, script in {**HOLES, "none": "true"}.items():
        prepared = hostile_trees.GRANT + hostile_trees.ROOTS_CHECKOUT + ROOTS + script
        host.run(f"{prepared}\n{USED_BY_HAND}", variables={"NAME": name})
    assert {mark.rpartition(".")[0] for mark in marks(host) if mark.endswith(".0")} == set(HOLES), "root obeys by hand"
    before = host.snapshot()
    output = play(own, AT_WORK, names=",".join([*HOLES, "none"]))
    assert marks(host) == set(), output
    changed = differences(before, host.snapshot())
    _setup, ended, pulled = output.split("TASK [")
    for part in (ended, pulled):
        for name in HOLES:
            assert f"failed: [{host.name}] (item={name})" in part, part
        assert f"changed: [{host.name}] => (item=none)" in part, part
    assert not [item for item in changed for name in HOLES if f"/{name}/" in item]
