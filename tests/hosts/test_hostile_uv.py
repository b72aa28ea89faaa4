"""Environments of root's that uv installs into, each with one thing of uv's that the app's user can write.

uv takes its settings from the folder that it is started in and those above it: what they name it fetches and builds.
"""

from __future__ import annotations

from collections.abc import Iterator

import hostile_trees
import names
import pytest
from hostile_trees import Tree
from test_hostile_trees import PIP_ROLES, Seen, as_root, marks
from test_traps import play
from unharmed import count

import lab
from lab.site import Site, differences

# They share a host, so one worker takes them all.
pytestmark = [pytest.mark.nightly, pytest.mark.xdist_group("hostile-uv")]

BASE = "uv venv --quiet --no-cache --python /usr/bin/python3 /srv/base"
# A package whose build leaves a mark, in a folder of the app's that no file of requirements names.
LINKS = r"""
printf 'planted==1.0\n' > app/requirements.txt
mkdir -p links planted-1.0
printf '%s\n' "$python" > planted-1.0/backend.py
printf '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n' > planted-1.0/pyproject.toml
tar -czf links/planted-1.0.tar.gz planted-1.0; rm -r planted-1.0
chown -R www-data links
"""
FOUND_THERE = 'no-index = true\\nfind-links = [\\"/srv/trees/$NAME/links\\"]\\n'
BY_HAND = """
cd app; uv pip install --no-cache --dry-run --python ../venv/bin/python -r requirements.txt > /dev/null 2>&1 || true
"""
TREES = {
    "uv-toml": Tree(f'{LINKS}printf "{FOUND_THERE}" > app/uv.toml; chown www-data app/uv.toml', BY_HAND),
    "settings-in-pyproject": Tree(
        f'{LINKS}printf "[tool.uv]\\n{FOUND_THERE}" > app/pyproject.toml; chown www-data app/pyproject.toml', BY_HAND
    ),
    "uv-toml-above": Tree(f'{LINKS}printf "{FOUND_THERE}" > uv.toml; chown www-data uv.toml', BY_HAND),
    "what-roots-own-uv-toml-names": Tree(f'{LINKS}printf "{FOUND_THERE}" > app/uv.toml', BY_HAND),
}

# What of each tree others can write.
WRITTEN = {
    "uv-toml": "app/uv.toml",
    "settings-in-pyproject": "app/pyproject.toml",
    "uv-toml-above": "uv.toml",
    "what-roots-own-uv-toml-names": "links",
}


@pytest.fixture(scope="module")
def trees(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """By hand root's uv obeys each; then rescue502 installs, in check mode, for real, and anew."""
    host, by_hand = lab.Host(names.of(worker_id, "u"), "uv").up(), set[str]()
    host.run(f"{hostile_trees.PREPARE}\n{BASE}")
    for name, tree in {**TREES, "none": Tree("echo sqlparse > app/requirements.txt", BY_HAND)}.items():
        host.run(f"{hostile_trees.TREE}\n{tree.plant}\n{tree.by_hand}", variables={"NAME": name})
        by_hand |= marks(host)
    before = host.snapshot()
    output = play(Site(host, tmp_path_factory.mktemp("hostile-uv")), PIP_ROLES, names=",".join([*TREES, "none"]))
    yield Seen(by_hand, marks(host), output, differences(before, host.snapshot()))
    host.down()


@pytest.mark.parametrize("name", TREES)
def test_roots_uv_obeys_nobody_else(trees: Seen, name: str) -> None:
    """What root's uv would build is the app's: nothing is run as root, and it is said why."""
    count(changed=[item for item in trees.changed if f"/srv/trees/{name}/" in item], root=as_root(trees, name))
    assert f"{name}.0" in trees.by_hand, "root's uv builds it"
    assert not any(mark.startswith(f"{name}.") for mark in trees.after), trees.output[-3000:]
    assert not [item for item in trees.changed if f"/srv/trees/{name}/" in item]
    why = f"others can write /srv/trees/{name}/{WRITTEN[name]}:"
    assert " ".join(trees.output.split()).count(why) >= 3, trees.output
    assert [item for item in trees.changed if "/srv/trees/none/venv" in item], trees.output
