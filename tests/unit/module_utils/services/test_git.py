"""As whom git is run in a checkout, and where it is not run at all."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.collectors import code
from ansible_collections.rescue502.django.plugins.module_utils.services.git import (
    Checkout,
    GitError,
    RefusedError,
    top_of,
)
from passable import make_passable

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
NOBODY = 65534


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one commit, of who runs the tests."""
    make_passable(tmp_path)
    top = tmp_path / "shop"
    subprocess.run(["git", "init", "-q", str(top)], check=True)
    commit = ["git", "-c", "user.name=dev", "-c", "user.email=dev@example.org", "-C", str(top), "commit"]
    subprocess.run([*commit, "-q", "--allow-empty", "-m", "First"], check=True)
    return top


def give(path: Path, uid: int) -> None:
    """Make a folder and all that is in it somebody else's."""
    subprocess.run(["chown", "-RP", str(uid), str(path)], check=True)


def test_git_runs_as_the_owner(checkout: Path) -> None:
    """Also from a folder below the top, and through a link that the owner has made."""
    (checkout / "shop").mkdir()
    (checkout.parent / "current").symlink_to("shop")
    assert top_of(str(checkout / "shop")) == str(checkout)
    assert Checkout(str(checkout.parent / "current")).top == str(checkout)
    assert Checkout(str(checkout)).git("log", "--format=%s") == "First"
    assert top_of(str(checkout.parent)) == ""


@as_root
def test_git_runs_as_another_owner(checkout: Path) -> None:
    """Not as root, whose checkout it is not."""
    give(checkout, NOBODY)
    found = Checkout(str(checkout))
    assert found.owner.pw_uid == NOBODY
    assert found.run(["id", "-u"], 5.0).strip() == str(NOBODY)
    assert found.git("log", "--format=%s") == "First"


def test_a_link_in_place_of_git_is_refused(checkout: Path) -> None:
    """By any account, and leading anywhere; the evidence says why nothing is reported."""
    (checkout / ".git").rename(checkout.parent / "kept")
    (checkout / ".git").symlink_to(checkout.parent / "kept")
    with pytest.raises(RefusedError, match="is a link"):
        Checkout(str(checkout))
    facts = code.git_facts(str(checkout))
    assert isinstance(facts, dict)
    assert (facts["is_checkout"], facts["head"].why, facts["operation"].why) == (
        True,
        *[f"{checkout}/.git is a link: git is not run through it"] * 2,
    )
    assert code.head(str(checkout)) == ""


@as_root
def test_two_owners_are_refused(checkout: Path) -> None:
    """Root's folder with somebody's .git in it, and the other way round."""
    give(checkout / ".git", NOBODY)
    with pytest.raises(RefusedError, match="belongs to uid 0"):
        Checkout(str(checkout))
    give(checkout, NOBODY)
    give(checkout / ".git", 0)
    with pytest.raises(RefusedError, match="to uid 0"):
        Checkout(str(checkout))


@as_root
@pytest.mark.parametrize("place", [".", ".git", ".git/config"])
def test_roots_checkout_that_others_can_write_is_refused(checkout: Path, place: str) -> None:
    """The folder itself, git's own, or its configuration: root would obey it."""
    (checkout / place).chmod(0o777)
    with pytest.raises(RefusedError, match="others can write"):
        Checkout(str(checkout))


@as_root
def test_roots_checkout_in_somebodys_folder_is_refused(checkout: Path) -> None:
    """Its owner could put another one in its place."""
    os.chown(checkout.parent, NOBODY, -1)
    with pytest.raises(RefusedError, match=f"others can write {checkout.parent}:"):
        Checkout(str(checkout))


@as_root
def test_gits_own_guard_stays_on(checkout: Path) -> None:
    """What is swapped after it was judged is judged again, by git."""
    found = Checkout(str(checkout))
    give(checkout, NOBODY)
    with pytest.raises(GitError, match="dubious ownership"):
        found.git("status")


def configure(checkout: Path, name: str, value: str) -> None:
    """Set something in a checkout's own configuration."""
    subprocess.run(["git", "-C", str(checkout), "config", "--add", name, value], check=True)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """A file that each program of a checkout's would leave."""
    return tmp_path / "mark"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("filter.x.clean", ("status",)),
        ("filter.x.process", ("status",)),
        ("filter.x.smudge", ("archive", "-o", "/dev/null", "HEAD")),
        ("core.fsmonitor", ("status",)),
        ("diff.x.textconv", ("log", "-p", "-1")),
        ("diff.external", ("diff",)),
        ("core.pager", ("-p", "log")),
    ],
)
def test_a_program_of_the_checkouts_is_not_run(checkout: Path, mark: Path, name: str, words: tuple[str, ...]) -> None:
    """Plain git runs it."""
    configure(checkout, name, f"touch {mark}; cat")
    (checkout / "one.txt").write_text("one\n", encoding="utf-8")
    (checkout / ".git" / "info").mkdir(exist_ok=True)
    (checkout / ".git" / "info" / "attributes").write_text("*.txt filter=x diff=x\n", encoding="utf-8")
    plain = ["git", "-C", str(checkout), "-c", "user.name=dev", "-c", "user.email=dev@example.org"]
    subprocess.run([*plain, "add", "."], check=True, capture_output=True)
    subprocess.run([*plain, "commit", "-qm", "Two"], check=True, capture_output=True)
    (checkout / "one.txt").write_text("two\n", encoding="utf-8")
    subprocess.run([*plain, *words], check=False, capture_output=True)
    tried = mark.exists()
    mark.unlink(missing_ok=True)
    assert Checkout(str(checkout)).git(*words) is not None
    assert not mark.exists()
    assert tried or name == "core.pager", "which is for terminals"


def test_a_name_that_the_command_line_cannot_take_is_refused(checkout: Path) -> None:
    """It would end at its first equals sign, and the program would stay."""
    configure(checkout, "filter.a=b.clean", "touch /tmp/never")
    with pytest.raises(RefusedError, match="names a program"):
        Checkout(str(checkout)).git("status")


def test_the_files_are_those_of_the_checkout(checkout: Path, tmp_path: Path) -> None:
    """Whatever its configuration says."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "other.txt").touch()
    configure(checkout, "core.worktree", str(tmp_path / "elsewhere"))
    assert (
        "other.txt"
        in subprocess.run(["git", "status"], cwd=checkout, check=True, capture_output=True, text=True).stdout
    )
    assert "other.txt" not in Checkout(str(checkout)).git("status")


@as_root
def test_no_file_of_roots_checkout_is_changed_where_others_could_lead_elsewhere(checkout: Path) -> None:
    """In a folder of theirs with tracked files; one that only holds uploads bars nothing."""
    (checkout / "code").mkdir()
    (checkout / "code" / "one.py").touch()
    (checkout / "media").mkdir()
    subprocess.run(["git", "-C", str(checkout), "add", "code"], check=True)
    os.chown(checkout / "media", NOBODY, -1)
    assert Checkout(str(checkout)).objection_to_change() == ""
    os.chown(checkout / "code", NOBODY, -1)
    assert f"others can write {checkout}/code" in Checkout(str(checkout)).objection_to_change()


@as_root
def test_a_pull_obeys_nobody_but_the_owner(checkout: Path, tmp_path: Path) -> None:
    """Its own configuration, what that includes, and its hooks."""
    found, environment = Checkout(str(checkout)), {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    assert found.objection_to_own_configuration(environment) == ""
    (tmp_path / "shared.cfg").write_text("[core]\n\tpager = less\n", encoding="utf-8")
    configure(checkout, "include.path", str(tmp_path / "shared.cfg"))
    os.chown(tmp_path / "shared.cfg", NOBODY, -1)
    assert f"can write {tmp_path}/shared.cfg" in found.objection_to_own_configuration(environment)
    os.chown(tmp_path / "shared.cfg", 0, -1)
    os.chown(checkout / ".git" / "hooks", NOBODY, -1)
    assert f"can write {checkout}/.git/hooks" in found.objection_to_own_configuration(environment)


@as_root
def test_roots_git_reads_no_file_of_others(checkout: Path, tmp_path: Path) -> None:
    """Root's own configuration includes it: it could name a program right after all that it names were set to none."""
    shared = tmp_path / "shared.cfg"
    shared.write_text("[user]\n\tname = dev\n", encoding="utf-8")
    configure(checkout, "include.path", str(shared))
    assert Checkout(str(checkout)).git("log", "--format=%s") == "First"
    os.chown(shared, NOBODY, NOBODY)
    with pytest.raises(RefusedError, match=r"shared.cfg, which git would obey: git is not run there as root"):
        Checkout(str(checkout)).git("log")
