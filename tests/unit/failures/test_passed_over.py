"""What a program passes over or refuses with few words, judged on recordings and on such with one thing different:
an app server's certificate, a package that is linked in, a migration of which the database has a part.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import plan
from changed_recordings import Change, Evidence, causes, found

from tools import recordings

CERTIFICATE, REFUSES, MISMATCH = "proxy/upstream-certificate", "proxy/upstream-refuses-tls", "proxy/protocol-mismatch"
LINKED, PARTLY = "dependencies/linked-folder-lost", "schema/partly-applied"


def tls(**changed: Any) -> Change:
    """What is known of TLS to the app's own address, changed; None takes a fact away."""

    def change(evidence: Evidence) -> None:
        (upstream,) = [item for item in evidence["proxy"]["upstreams"] if item["is_ours"]]
        upstream["tls"].update(changed)
        for fact in [fact for fact, value in changed.items() if value is None]:
            del upstream["tls"][fact]

    return change


def test_a_certificate_is_named_by_what_is_shown_now() -> None:
    """Where it cannot be known whether nginx takes it, or where it does by now, nothing is said of it."""
    assert causes(CERTIFICATE) == [CERTIFICATE]
    assert causes(CERTIFICATE, tls(refused="")) == []
    assert causes(CERTIFICATE, tls(refused=None)) == []
    well = found(CERTIFICATE, lambda e: e["edge"].update(well=True))
    assert CERTIFICATE not in {finding.id for finding in well.findings}


def test_a_clock_that_is_wrong_explains_it() -> None:
    """By that clock, and by no other, it has expired."""
    ahead = recordings.evidence("host/clock-skew")["probe"]
    diagnosis = found(CERTIFICATE, lambda e: e.update(probe=copy.deepcopy(ahead)))
    (finding,) = [finding for finding in diagnosis.findings if finding.id == CERTIFICATE]
    assert "host/clock-skew" in finding.explained_by


def test_a_certificate_of_nginx_is_named_with_what_is_wrong_with_it() -> None:
    """None, one that has expired, and one that is good for nothing we know."""
    own = {"own_certificate": "/etc/nginx/own.pem"}
    said = [
        found(REFUSES, tls(**facts)).root_causes[0].because
        for facts in ({}, {**own, "own_days_left": -2.0}, {**own, "own_days_left": 30.0})
    ]
    assert "nginx shows it no certificate of its own" in said[0]
    assert "nginx shows it /etc/nginx/own.pem, which expired 2.0 days ago" in said[1]
    assert "nginx shows it /etc/nginx/own.pem; a connection without one ends likewise" in said[2]
    assert causes(REFUSES, tls(ended="")) == []


@pytest.mark.parametrize(("protocol", "said"), [("https", "in plain text"), ("http", "and no plain text")])
def test_a_handshake_shows_who_speaks_otherwise(protocol: str, said: str) -> None:
    """Where the app server's options do not say that it speaks TLS, and it does not answer as they have it."""

    def spoken(evidence: Evidence) -> None:
        evidence["service"]["backend"].update(status=0)
        evidence["proxy"]["upstreams"][0].update(protocols=[protocol])

    mute = tls(mismatch=True, refused="", ended="")
    (cause,) = found(CERTIFICATE, spoken, mute).root_causes
    assert (cause.id, said in cause.because) == (MISMATCH, True)
    other = "http" if protocol == "https" else "https"
    assert f"proxy_pass {other}://" in cause.by_hand


def link(**changed: Any) -> Change:
    """Another link than the recorded one; None in the place of all takes it away."""

    def change(evidence: Evidence) -> None:
        for step in evidence["rehearsal"]["steps"].values():
            if isinstance(step.get("error"), dict) and "link" in step["error"]:
                step["error"]["link"].update(changed)

    return change


def test_a_linked_folder_is_named_with_what_is_in_the_way() -> None:
    """A closed folder with its owner and mode; one that is gone; a link of which it is not known whose it is."""
    closed, gone, perhaps = (
        found(LINKED, link(**facts)).root_causes[0]
        for facts in ({}, {"missing": True, "owner": "", "mode": ""}, {"known": False})
    )
    assert "/home/deploy does not let www-data in (owner root, mode 0700)" in closed.because
    assert "which comes from /home/deploy/rates" in closed.because
    assert "setfacl -m u:www-data:x /home/deploy\n" in closed.by_hand
    assert "/home/deploy is not there" in gone.because
    assert "setfacl" not in gone.by_hand
    assert "which may have come from /home/deploy/rates" in perhaps.because
    assert {cause.risk for cause in (closed, gone, perhaps)} == {"never"}


def test_a_link_within_the_apps_own_folders_is_a_matter_of_their_modes() -> None:
    """What is closed there is named by files/code-unreadable, and given back."""
    closed = {"path": "/home/deploy", "part": "code", "problem": "cannot be entered", "owner": 0, "group": 0}

    def unreadable(evidence: Evidence) -> None:
        more = {"mode": "0755", "inode": 1}
        evidence["files"]["violations"]["code"] = [{**closed, **more}]

    assert causes(LINKED) == [LINKED]
    assert causes(LINKED, unreadable) == ["files/code-unreadable"]


def test_without_a_broken_link_the_package_is_merely_missing() -> None:
    """And with one, that it is missing is its effect."""

    def without(evidence: Evidence) -> None:
        for step in evidence["rehearsal"]["steps"].values():
            if isinstance(step.get("error"), dict):
                step["error"].pop("link", None)

    assert causes(LINKED, without) == ["dependencies/not-in-requirements"]
    (effect,) = [item for item in found(LINKED).findings if item.id == "dependencies/not-in-requirements"]
    assert LINKED in effect.explained_by


def test_a_part_that_is_there_stands_in_the_place_of_what_is_not_applied() -> None:
    """Whatever is approved, nothing is migrated; where nothing of it is there, it is as it was."""
    diagnosis = found(PARTLY)
    assert [cause.id for cause in diagnosis.root_causes] == [PARTLY]
    assert plan.make(diagnosis, ["schema/unapplied-migrations", "schema/risky-migrations"]).actions == []
    unapplied = ["schema/unapplied-migrations"]
    assert causes(PARTLY, lambda e: e["rehearsal"]["steps"]["migrations"].update(present=[])) == unapplied
    # Evidence of before this was looked at.
    assert causes(PARTLY, lambda e: e["rehearsal"]["steps"]["migrations"].pop("present")) == unapplied


def test_what_it_lacks_is_made_before_it_is_noted() -> None:
    """The commands fit what is there: all, a part, or all tables without any record."""

    def lacks(*labels: str) -> Change:
        return lambda e: e["rehearsal"]["steps"]["migrations"]["present"][0].update(lacks=list(labels))

    part, whole = found(PARTLY).root_causes[0], found(PARTLY, lacks()).root_causes[0]
    assert "but not column sgis_sgi.country" in part.because
    assert "which is all that it makes" in whole.because
    assert ("first what it lacks" in part.by_hand, "first what it lacks" in whole.by_hand) == (True, False)
    assert "manage.py inspectdb sgis_sgi " in part.by_hand
    assert "manage.py migrate sgis 0002_sgi_city " in part.by_hand
    assert "manage.py migrate --fake sgis 0099_where\n" in part.by_hand
    bare = found(PARTLY, lambda e: e["rehearsal"]["steps"]["migrations"].update(applied=0)).root_causes[0]
    assert "django_migrations" in bare.by_hand
