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

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
NOBODY = 65534


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one commit, of who runs the tests."""
    for parent in [tmp_path, *tmp_path.parents]:
        if os.stat(parent).st_uid == os.geteuid() and str(parent) != "/":
            os.chmod(parent, os.stat(parent).st_mode | 0o111)
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
