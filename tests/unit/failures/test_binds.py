"""Addresses on which no account could listen: each is named with who chose it, and nothing is restarted in vain."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import plan
from changed_recordings import Change, Evidence, causes, found

LONG, TAKEN, ELSEWHERE = "service/socket-path-too-long", "service/socket-path-taken", "service/address-not-here"


def bind(**changed: Any) -> Change:
    """The barred address, changed; of `bar` its facts."""

    def change(evidence: Evidence) -> None:
        (item,) = [item for item in evidence["service"]["binds"] if "bar" in item]
        item["bar"].update(changed.pop("bar", {}))
        item.update(changed)

    return change


def free(evidence: Evidence) -> None:
    """Somebody has put it right by now, and has not started the app."""
    for item in evidence["service"]["binds"]:
        item.pop("bar", None)
    for upstream in evidence["proxy"]["upstreams"]:
        upstream["is_ours"] = True


@pytest.mark.parametrize("mode", [LONG, TAKEN, ELSEWHERE])
def test_no_restart_is_tried(mode: str) -> None:
    """That the unit has failed, or that systemd has given up, is its effect."""

    def gave_up(evidence: Evidence) -> None:
        evidence["service"]["unit"].update(active_state="failed", sub_state="failed", result="exit-code")
        evidence["service"]["start_limit_hit"] = True

    def failed(evidence: Evidence) -> None:
        evidence["service"]["unit"].update(active_state="activating", sub_state="auto-restart", result="exit-code")
        evidence["service"]["start_limit_hit"] = False

    for state in (gave_up, failed):
        diagnosis = found(mode, state)
        assert [(cause.id, cause.risk) for cause in diagnosis.root_causes] == [(mode, "never")]
        assert plan.make(diagnosis).actions == []
    assert causes(mode, gave_up, free) == ["service/start-limit-hit"], "then a start is all that it takes"
    assert [action.remedy for action in plan.make(found(mode, gave_up, free)).actions] == ["restart"]


@pytest.mark.parametrize("mode", [LONG, TAKEN, ELSEWHERE])
def test_who_chose_the_address(mode: str) -> None:
    """The unit itself, or the app's own configuration, by its file."""
    (by_unit,) = found(mode, bind(named=True)).root_causes
    (by_file,) = found(
        mode, bind(named=False), lambda e: e["stack"].update(config_file="/srv/gunicorn.conf.py")
    ).root_causes
    assert by_unit.because.endswith(".service itself says so")
    assert by_file.because.endswith("/srv/gunicorn.conf.py says so")


def test_what_is_in_the_way() -> None:
    """A folder or file at the socket's path, or a file where its folder should be."""
    (at_path,) = found(TAKEN).root_causes
    assert "/run/taken/app.sock is something else than a socket" in " ".join(at_path.because.split())
    (above,) = found(TAKEN, bind(bar={"kind": "not-a-folder", "path": "/run/taken"}, folder_missing=True)).root_causes
    assert above.id == TAKEN, "no folder is made where a file is"
    assert "/run/taken is not a folder" in " ".join(above.because.split())
    assert "mv /run/taken /run/taken.aside" in above.by_hand


def test_an_address_of_another_host_and_a_name_of_none() -> None:
    """In the words of who was asked."""
    (here,) = found(ELSEWHERE).root_causes
    assert "192.0.2.7, port 8000, of which the kernel says: Cannot assign" in " ".join(here.because.split())
    (name,) = found(ELSEWHERE, bind(bar={"kind": "unresolved", "said": "Name or service not known"})).root_causes
    assert "the resolver says: Name or service not known" in " ".join(name.because.split())


def test_a_path_is_barred_for_the_service_alone() -> None:
    """Where somebody listens, or systemd makes the socket, the app's own path is another matter."""
    assert LONG not in causes(LONG, lambda e: e["service"].update(listening=True))
    assert LONG not in causes(LONG, lambda e: e["service"]["unit"].update(triggered_by="shop.socket"))


def test_for_an_address_that_the_apps_file_computes_nobody_is_ended() -> None:
    """Who holds it is named; what the app's user can write does not decide what root ends."""
    taken = "service/port-taken"
    (known,) = found(taken).root_causes
    (computed,) = found(taken, lambda e: e["stack"].update(bind=[])).root_causes
    assert ([known.id, known.risk], [computed.id, computed.risk]) == ([taken, "ask"], [taken, "never"])


def doubled(evidence: Evidence) -> None:
    """What the app said when it was started for trial, and nginx's own line."""
    line = {"words": "add_header Access-Control-Allow-Origin * always", "file": "/etc/nginx/shop", "line": 20}
    evidence["shadow_start"]["cors_doubled"] = [{"name": "/api/", "allowed": "https://shop.example", **line}]


def test_a_header_that_would_be_doubled_is_named_while_the_app_is_down() -> None:
    """As a second cause, which would show as soon as the app answers."""
    diagnosis = found(LONG, doubled)
    assert {cause.id for cause in diagnosis.root_causes} == {LONG, "edge/cors-doubled"}
    because = next(cause.because for cause in diagnosis.root_causes if cause.id == "edge/cors-doubled")
    assert "Access-Control-Allow-Origin: https://shop.example, to which nginx will add another" in because
    assert "add_header Access-Control-Allow-Origin * always` in /etc/nginx/shop, line 20" in because
