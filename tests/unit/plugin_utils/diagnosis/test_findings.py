"""What a diagnosis makes of evidence, on failure modes and evidence made for it: what explains what, and how severe."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import Catalogue, FailureMode
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.diagnosis import (
    APP_STEPS,
    Diagnosis,
    diagnose,
    explains,
    prepare,
)
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.error_text import CHAIN

GOOD = {"ok": True, "error": None}
ERROR = {"type": "ImportError", "message": "no module named x", "filename": "/srv/app/a.py"}
TEXT = "ImportError: no module named x /srv/app/a.py"


def fresh(value: Any) -> Any:
    """The same value as other objects, as text from a host is never a literal of ours."""
    return json.loads(json.dumps(value))


def mode(name: str, when: str = "edge.well", severity: str = "outage", **values: Any) -> FailureMode:
    """A failure mode that matches where the edge is well."""
    name, layer, severity = fresh([name, name.partition("/")[0], severity])
    texts: dict[str, Any] = {"title": "Title", "means": "Means", "edge": "502", "because": "because", "by_hand": "do"}
    required: dict[str, Any] = {"risk": "safe", "reproduce": "", "source": "", "remedy": "restart"}
    return FailureMode(id=name, layer=layer, severity=severity, when=(when,), **(texts | required | values))


def findings(*modes: FailureMode, evidence: dict[str, Any] | None = None) -> Diagnosis:
    """The diagnosis of a host by these failure modes alone."""
    return diagnose({"edge": {"well": True}, **(evidence or {})}, Catalogue({one.id: one for one in modes}))


def test_a_finding_says_what_the_incident_shows() -> None:
    """Its own words with the evidence in them, and what explains it, found or left open."""
    host = mode("host/full", remedy="", risk="never", because="it is {{ edge.summary }}", by_hand="rm {{ edge.path }}")
    reported = {"edge": {"well": True, "summary": "b\x1bad", "path": "/a; reboot"}}
    found = findings(host, mode("service/dead", explained_by=("host/full",)), evidence=reported)
    assert found.findings[0].public() == {
        "id": "host/full",
        "title": "Title",
        "layer": "host",
        "because": "it is bad",
        "risk": "never",
        "known": "observed",
        "experiment": "",
        "severity": "outage",
        "explained_by": [],
        "perhaps_explained_by": [],
        "symptom": False,
        "remedy": None,
        "by_hand": "rm /a??reboot",
        "means": "Means",
    }
    effect = found.findings[1]
    assert (effect.public()["explained_by"], effect.public()["remedy"]) == (["host/full"], "restart")
    assert [cause.id for cause in found.root_causes] == ["host/full"]


def test_what_was_not_matched_is_not_found() -> None:
    """By its own conditions; and nothing is left open where all could be read."""
    found = findings(mode("host/a", when="not edge.well"), mode("host/b", when="edge.nothing"), mode("host/c"))
    assert [finding.id for finding in found.findings] == ["host/c"]
    assert findings(mode("host/a", when="edge.nothing")).findings == ()


def test_what_could_not_be_read_may_explain() -> None:
    """Then a finding is no root cause: what might lie below was neither found nor ruled out."""
    unread = {"probe": {"unread": [{"what": "the log", "why": "denied", "facts": ["service.log"]}]}}
    below = mode("database/down", when="service.log", explains=("service/dead",))
    other = mode("database/other", when="service.unit", explains=("service/dead",))
    (effect,) = findings(below, other, mode("service/dead"), evidence=unread).findings
    assert (effect.explained_by, effect.perhaps, effect.is_explained) == ((), ("database/down",), True)
    assert effect.public()["perhaps_explained_by"] == ["database/down"]
    (alone,) = findings(below, mode("service/dead")).findings
    assert (alone.perhaps, alone.is_explained) == ((), False)


def test_to_repair_and_the_rest() -> None:
    """A symptom and an effect are nobody's to repair; what takes no site down stands apart."""
    found = findings(
        mode("database/down"),
        mode("files/static", severity="degraded"),
        mode("service/dead", explained_by=("database/*",)),
        mode("edge/bad", symptom=True),
        mode("environment/odd", severity="advice"),
        mode("code/shown", severity="xylophone"),
    )
    assert [finding.id for finding in found.root_causes] == ["database/down"]
    assert [finding.id for finding in found.also_found] == ["files/static", "environment/odd", "code/shown"]
    assert len(found.findings) == 6


@pytest.mark.parametrize(
    ("cause", "effect", "holds"),
    [
        (mode("host/a"), mode("code/b"), False),
        (mode("host/a"), mode("code/b", explained_by=("host/a",)), True),
        (mode("host/a", explains=("code/b",)), mode("code/b"), True),
        (mode("host/a"), mode("code/b", explained_by=("host/*",)), True),
        (mode("host/a", explains=("code/*",)), mode("code/b"), True),
        (mode("code/a"), mode("code/b", explained_by=("code/*",)), True),
        (
            mode("code/a", explained_by=("code/*",), explains=("code/a",)),
            mode("code/a", explained_by=("code/a",)),
            False,
        ),
        # By its id from above, and even what takes no site down; by a pattern neither.
        (mode("proxy/a"), mode("code/b", explained_by=("proxy/a",)), True),
        (mode("proxy/a"), mode("code/b", explained_by=("proxy/*",)), False),
        (mode("host/a", severity="degraded"), mode("code/b", explained_by=("host/a",)), True),
        (mode("host/a", severity="degraded"), mode("code/b", explained_by=("host/*",)), False),
        (mode("host/a", severity="zero", explains=("code/*",)), mode("code/b"), False),
        (mode("host/a", symptom=True), mode("code/b", explained_by=("host/*",)), False),
        (mode("host/a", symptom=True), mode("code/b", explained_by=("host/a",)), True),
    ],
)
def test_what_explains_what(cause: FailureMode, effect: FailureMode, holds: bool) -> None:
    """By an id always, by a pattern only from below and from what breaks the site; nothing explains itself."""
    assert explains(cause, effect) is holds


def test_what_explains_an_outage_is_one() -> None:
    """Though alone it would take no site down. Not what explains a symptom, nor what explains something lesser."""
    clock = mode("host/clock", severity="advice", explains=("edge/expired",))
    effects = {"outage": "outage", "degraded": "advice", "zero": "advice"}
    for severity, judged in effects.items():
        assert findings(clock, mode("edge/expired", severity=severity)).findings[0].severity == judged
    assert findings(clock, mode("edge/expired", symptom=True)).findings[0].severity == "advice"
    assert findings(clock, mode("edge/other")).findings[0].severity == "advice"


def test_what_a_role_gets_is_cleaned() -> None:
    """And the risk is that on this host."""
    one = mode("files/a", vars={"path": "edge.path"}, risk="ask", safe_when=("edge.well",))
    (finding,) = findings(one, evidence={"edge": {"well": True, "path": "/a\x1b"}}).findings
    assert (finding.vars, finding.risk) == ({"path": "/a"}, "safe")


def test_a_remedy_that_may_be_the_wrong_one_is_never_applied() -> None:
    """Not where it is known to be, and not where that is not known; else it waits for approval, or is safe."""
    one = mode("files/a", risk="ask", repair_when=("edge.alone",), safe_when=("edge.safe",))
    for edge, risk in (({"alone": False}, "never"), ({"safe": True}, "never"), ({"alone": True}, "ask")):
        (finding,) = findings(one, evidence={"edge": {"well": True, "safe": False, **edge}}).findings
        assert finding.risk == risk


@pytest.mark.parametrize(
    "evidence", [None, [], "x", {}, {"edge": "x", "app": {"serves": True}}, {"edge": {"failed": 1}}]
)
def test_what_is_no_evidence_says_nothing(evidence: Any) -> None:
    """A section that is none, one that failed, and what is ours to derive are left out."""
    assert prepare(fresh(evidence)) == {}


def rehearsed(**steps: Any) -> dict[str, Any]:
    """`app` as it is derived from these steps, the others having gone well."""
    reported = {name: {**GOOD, "step": name} for name in APP_STEPS} | steps
    app: dict[str, Any] = prepare(fresh({"rehearsal": {"steps": reported}}))["app"]
    return app


def test_an_app_that_serves() -> None:
    """All steps went well; what a request raised is reported too."""
    serves = {
        "rehearsed": True,
        "serves": True,
        "step": "",
        "error": None,
        "raised": None,
        "text": "",
        "request_text": "",
        "lacks_table": False,
    }
    assert rehearsed() == serves
    assert rehearsed(requests={"ok": False, "error": ERROR}) == {**serves, "raised": ERROR, "request_text": TEXT}
    assert rehearsed(requests="x") == serves


@pytest.mark.parametrize("step", APP_STEPS)
def test_an_app_that_fails_at_a_step(step: str) -> None:
    """The first one counts, whatever comes after; of an error that is none there is no text."""
    failed = {"ok": False, "error": ERROR}
    app = rehearsed(**{step: failed, APP_STEPS[-1]: failed})
    known = {"error": ERROR, "raised": ERROR, "text": TEXT, "lacks_table": False}
    assert app == {"rehearsed": True, "serves": False, "step": step, **known}
    assert rehearsed(**{step: {"ok": False, "error": "x"}}) == app | {"error": None, "raised": None, "text": ""}
    for unknown in ({"ok": None}, {"ok": 1}, {"ok": 0}, {}, "x", None):
        assert rehearsed(**{step: unknown}) == {"rehearsed": True}, unknown


FRENCH = "la relation « shop » n'existe pas"
LACKING: list[tuple[dict[str, Any], bool]] = [
    ({"message": FRENCH, "sqlstate": "42P01"}, True),
    ({"message": FRENCH, "sqlstate": "42703"}, True),
    ({"message": 'relation "shop" does not exist', "sqlstate": "42P01"}, True),
    ({"message": 'relation "shop" does not exist'}, True),
    ({"message": 'relation "shop" does not exist', "sqlstate": ""}, True),
    ({"message": "no such table: shop"}, True),
    ({"message": "table shop has no column named city"}, True),
    ({"message": "(1054, \"Unknown column 'city' in 'field list'\")"}, True),
    ({"message": "(1146, \"Table 'shop' doesn't exist\")"}, True),
    ({"message": "x", "chain": [{"type": "E", "message": "no such table: shop"}]}, True),
    # A pooler has lost it, and no migration makes it.
    ({"message": 'prepared statement "s1" does not exist', "sqlstate": "26000"}, False),
    ({"message": FRENCH}, False),
    ({"message": FRENCH, "sqlstate": 42}, False),
]


@pytest.mark.parametrize(("error", "lacks"), LACKING)
def test_what_a_database_lacks_is_known_by_its_sqlstate(error: dict[str, Any], lacks: bool) -> None:
    """In whatever language it is said; where there is no SQLSTATE, by the words. So of a start, and of a request."""
    failed = {"ok": False, "error": {"type": "ProgrammingError", **error}}
    assert rehearsed(requests=failed)["lacks_table"] is lacks
    assert rehearsed(**{APP_STEPS[-1]: failed})["lacks_table"] is lacks


@pytest.mark.parametrize("steps", [{}, [], "x", None])
def test_an_app_that_was_not_rehearsed(steps: Any) -> None:
    """Nothing is derived."""
    assert "app" not in prepare({"rehearsal": {"steps": steps}})


def test_the_text_of_an_error_has_its_causes() -> None:
    """Each on its line, as many as anybody reads; what is no cause is left out."""
    chain = [{"type": "KeyError", "message": "X"}, "x", *({"type": f"E{number}"} for number in range(CHAIN))]
    facts = prepare({"database": {"error": {**ERROR, "chain": chain}, "port": 5432}})["database"]
    lines = facts["text"].splitlines()
    assert lines[:3] == [TEXT, "KeyError: X ", "E0:  "]
    assert len(lines) == 1 + CHAIN - 1
    assert facts["port"] == 5432
    assert prepare({"database": {"error": {**ERROR, "chain": "x"}}})["database"]["text"] == TEXT
    assert prepare({"database": {"error": None}})["database"] == {"error": None, "text": ""}
    assert "text" not in prepare({"database": {"port": 5432}})["database"]


def test_a_clock_is_ahead_of_the_controllers() -> None:
    """At the end of the look, in whole seconds; behind it is less than nothing."""
    look = {"started": "2026-01-31T12:00:30Z", "received": "2026-01-31T12:00:10+00:00", "seconds": "1.6"}
    assert prepare({"probe": look})["probe"] == {**look, "clock_ahead": 22}
    assert prepare({"probe": {**look, "received": "2026-01-31T13:01:00+01:00"}})["probe"]["clock_ahead"] == -28


@pytest.mark.parametrize(
    "wrong",
    [
        {"started": None}, {"started": "noon"}, {"started": 7}, {"started": "2026-01-31T12:00:30"},
        {"seconds": "x"}, {"seconds": None}, {"seconds": "inf"},
    ],
)  # fmt: skip
def test_a_clock_that_cannot_be_told(wrong: dict[str, Any]) -> None:
    """Whatever the host claims; nor where a time is missing."""
    look = {"started": "2026-01-31T12:00:30Z", "received": "2026-01-31T12:00:10Z", "seconds": 1.6, **wrong}
    assert "clock_ahead" not in prepare({"probe": look})["probe"]
    assert "clock_ahead" not in prepare({"probe": {"started": "2026-01-31T12:00:30Z"}})["probe"]
