"""What several failure files say in the same words stays the same in all of them.

Each file is whole by itself, so that a user can read, copy and replace it; none takes a piece of another. So what is
repeated stays, and is held here.
"""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

MODES = load().modes
# The first line of a passage of `by_hand`, which ends with its {% endif %}, and in how many files it stands.
PASSAGES = {
    "{% if trials is defined and trials.commits is defined and trials.commits.edits %}": 3,
    "{% if database.local and not database.running and database.unit %}": 3,
    "setfacl -m {{ item.acl }} {{ item.path }}": 3,
    "{% if not stack.venv %}": 2,
}


@pytest.mark.parametrize("begin", PASSAGES)
def test_a_passage_is_the_same_wherever_it_stands(begin: str) -> None:
    """How code is rolled back, a database started, an owner changed, a package installed by hand."""
    found = {}
    for mode in MODES.values():
        lines = mode.by_hand.splitlines()
        if begin in lines:
            rest = lines[lines.index(begin) :]
            found[mode.id] = rest[: rest.index("{% endif %}") + 1]
    assert len(found) >= PASSAGES[begin]
    assert len(set(map(tuple, found.values()))) == 1, found


def test_each_end_of_a_unit_has_the_same_causes() -> None:
    """It failed, systemd has given it up, or its server crashes, which is itself a cause of the other two."""
    names = ("service/failed", "service/start-limit-hit", "service/crashes-at-start")
    failed, given_up, crashes = (set(MODES[name].explained_by) for name in names)
    assert failed == given_up == crashes | {"service/crashes-at-start"}


def test_what_an_app_server_refuses_is_quoted_alike() -> None:
    """By which option it ended, and by what else in its configuration, are two causes and one sentence."""
    unknown, wrong = MODES["service/option-unknown"], MODES["service/option-wrong"]
    assert unknown.because == wrong.because


def test_packages_are_installed_alike_whatever_is_wrong_with_them() -> None:
    """The same remedy, under the same conditions, for the same packages."""
    missing, other = MODES["dependencies/missing"], MODES["dependencies/version-conflict"]
    for key in ("risk", "safe_when", "remedy", "then", "vars"):
        assert getattr(missing, key) == getattr(other, key), key
