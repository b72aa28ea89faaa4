"""The state of a site: whether what its edge shows can be repaired below nginx, or is as somebody wants it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import LAYERS
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis.site_state import (
    SiteState,
    differing_checks,
    is_above_the_app,
    is_any_page_served,
    may_help,
    site_state,
)

CORS = {"origin": "https://shop.example", "allowed": "", "well": False}


def check(path: str, status: int, **values: Any) -> dict[str, Any]:
    """An answer of the edge that is not as wanted."""
    answer = {"name": path, "url": f"http://127.0.0.1{path}", "status": status, "error": "", "problem": ""}
    return answer | {"loops": False, "cors": None, "well": False, **values}


GOOD = check("/health/", 200, well=True)
BAD = check("/api/", 502, problem="status 502 instead of 200")
REFUSED = check("/api/", 503, problem="status 503 instead of 200")
NO_CORS = check("/api/", 200, cors=CORS, problem="origin https://shop.example is not allowed")
FAILS_WITHOUT_CORS = check("/api/", 500, cors=CORS, problem="status 500 instead of 200")
EXPIRED = check(
    "/api/", 0, error="certificate: certificate has expired", problem="certificate: certificate has expired"
)
LOOP = check("/api/", 301, loops=True, problem="status 301, which leads back to the same address")


def preflight(problem: str) -> dict[str, Any]:
    """A preflight that a browser objects to."""
    return check("POST preflight of /api/", 200, cors=CORS, problem=f"preflight: {problem}")


def evidence(*checks: dict[str, Any], refused: tuple[str, ...] = (), **values: Any) -> dict[str, Any]:
    """What a host says of its edge. refused: the paths that nginx answers itself."""
    edge = {"configured": True, "checks": list(checks), "well": all(item["well"] for item in checks), **values}
    return {"edge": edge, "proxy": {"refusals": [{"path": path, "certain": True} for path in refused]}}


@pytest.mark.parametrize(
    ("given", "state"),
    [
        (evidence(GOOD), SiteState.SERVES),
        (evidence(GOOD, configured=False), SiteState.ANSWERS),
        (evidence(GOOD, BAD), SiteState.DOWN),
        (evidence(GOOD, REFUSED), SiteState.DOWN),
        (evidence(GOOD, REFUSED, refused=("/api/",)), SiteState.REFUSES),
        (evidence(BAD, REFUSED, refused=("/other/",)), SiteState.DOWN),
        (evidence(check("/shop/", 502), REFUSED, refused=("/api/",)), SiteState.DOWN),
        (evidence(NO_CORS), SiteState.BARRED),
        (evidence(NO_CORS, preflight("origin https://shop.example is not allowed")), SiteState.BARRED),
        (evidence(preflight("method PUT is not allowed, only GET")), SiteState.BARRED),
        (evidence(preflight("header x-shop is not allowed, only none")), SiteState.BARRED),
        (evidence(NO_CORS, preflight("status 403")), SiteState.DOWN),
        (evidence(FAILS_WITHOUT_CORS), SiteState.DOWN),
        (evidence(EXPIRED, LOOP, GOOD), SiteState.BARRED),
        (evidence(EXPIRED, check("/x/", 403), refused=("/x/",)), SiteState.BARRED),
        (evidence(EXPIRED, check("/x/", 500)), SiteState.DOWN),
        (evidence(GOOD) | {"hold": {"well": False, "broken_by": "/: status 502"}}, SiteState.DOWN),
        (evidence(), SiteState.UNKNOWN),
        (evidence(GOOD, well="yes"), SiteState.UNKNOWN),
        ({"edge": {"failed": "no answer within 10 s"}}, SiteState.UNKNOWN),
        ({"edge": None}, SiteState.UNKNOWN),
        ({}, SiteState.UNKNOWN),
        (evidence(BAD) | {"proxy": {"refusals": [{"path": "/api/", "certain": "True"}, None, 3]}}, SiteState.DOWN),
        (evidence(BAD) | {"proxy": {"refusals": "/api/"}}, SiteState.DOWN),
        (evidence(check("/api/", 0, url="http://[")), SiteState.DOWN),
    ],
)
def test_the_state_of_a_site(given: dict[str, Any], state: SiteState) -> None:
    """Down is only what is known to be, and what may come from below nginx."""
    assert site_state(given) is state


@pytest.mark.parametrize("state", SiteState)
def test_where_a_repair_may_help(state: SiteState) -> None:
    """Anywhere on a site that is down; at nginx and above it, where that bars who asks; else nowhere."""
    helping = {layer for layer in LAYERS if may_help(layer, state)}
    expected = {SiteState.DOWN: set(LAYERS), SiteState.BARRED: {"proxy", "edge"}}
    assert helping == expected.get(state, set())


@pytest.mark.parametrize(
    ("given", "served"),
    [
        (evidence(GOOD), True),
        (evidence(BAD, GOOD), True),
        (evidence(GOOD, BAD), True),
        (evidence(BAD), False),
        (evidence(BAD, REFUSED), False),
        # A host may say anything: nothing but `true` is well.
        (evidence(BAD, well="yes"), False),
        (evidence(check("/", 200, well="yes")) | {"hold": {}}, True),
        (evidence(check("/", 200, well="yes"), well=False), False),
        (evidence(), True),
        (evidence(well=None), False),
        ({"edge": {"failed": "no answer within 10 s"}}, False),
        ({"edge": None}, False),
        ({}, False),
    ],
)
def test_whether_there_is_a_page_to_lose(given: dict[str, Any], served: bool) -> None:
    """One that is answered as wanted, whatever the others show."""
    assert is_any_page_served(given) is served


@pytest.mark.parametrize("status", [0, 502, 504])
def test_what_nginx_got_no_answer_for_is_no_difference_of_its_own(status: int) -> None:
    """The app answers when it is asked itself, and nginx did not get to it: what lies below may be why."""
    differs = with_differing(evidence(BAD), {"name": BAD["name"], "status": status})
    assert differing_checks(differs) == set()
    assert not is_above_the_app(differs)
    assert site_state(differs) is SiteState.DOWN


@pytest.mark.parametrize("status", [-1, 1, 200, 301, 403, 404, 500, 501, 503, 505])
def test_what_nginx_answers_otherwise_than_the_app_is_above_it(status: int) -> None:
    """Where each failed check is such a one."""
    differs = with_differing(evidence(GOOD, BAD), {"name": BAD["name"], "status": status})
    assert differing_checks(differs) == {BAD["name"]}
    assert is_above_the_app(differs)
    assert site_state(differs) is SiteState.BARRED
    other = with_differing(evidence(check("/shop/", 500), BAD), {"name": BAD["name"], "status": status})
    assert not is_above_the_app(other)


@pytest.mark.parametrize(
    "given", [evidence(GOOD), {"edge": None}, {}, {"edge": {"checks": []}, "proxy": {"differing": [7]}}]
)
def test_where_no_check_failed_nothing_is_above_the_app(given: dict[str, Any]) -> None:
    """Nor where none was asked."""
    assert not is_above_the_app(given)
    assert differing_checks(given) == set()


def with_differing(given: dict[str, Any], *items: Any) -> dict[str, Any]:
    """Evidence with checks that nginx answers, and the app itself as wanted."""
    return {**given, "proxy": {**given["proxy"], "differing": list(items)}}
