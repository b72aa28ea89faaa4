# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The state of a site as its edge shows it, which decides what may be done unasked. Pure."""

from __future__ import annotations

from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import LAYERS
from ansible_collections.rescue502.django.plugins.plugin_utils.diagnosis import edge_summary

# What nginx says where it got no connection, or no answer.
GATEWAY_ERRORS = (0, 502, 504)
# What a browser objects to in an answer that is well but for its CORS headers (system/cors.py).
OF_CORS = ("origin ", "preflight: origin ", "preflight: method ", "preflight: header ")
_PROXY = LAYERS.index("proxy")


class SiteState(Enum):
    """What the edge's checks say of the site."""

    # Each check that the user has set is answered as wanted.
    SERVES = "serves"
    # So are checks that were made up from nginx's configuration: an answer of the app, and not much of a proof.
    ANSWERS = "answers"
    # nginx is configured to answer each failed check itself, as in a maintenance, or to spare the app.
    REFUSES = "refuses"
    # Each failed check fails above the app: its certificate, its CORS headers, a redirect that leads nowhere, or nginx
    # answers otherwise than the app, which was asked too.
    BARRED = "barred"
    # A check fails, and the app may be the reason.
    DOWN = "down"
    # The edge was not asked, or there is nothing to ask it.
    UNKNOWN = "unknown"


def site_state(evidence: dict[str, Any]) -> SiteState:
    """The state of the site at the time of this look."""
    edge = evidence.get("edge")
    checks = edge_summary.checks(edge) if isinstance(edge, dict) else []
    if not isinstance(edge, dict) or not checks or not isinstance(edge.get("well"), bool):
        return SiteState.UNKNOWN
    if edge_summary.summary(evidence)["well"]:
        return SiteState.SERVES if edge.get("configured") is True else SiteState.ANSWERS
    failed = [check for check in checks if check.get("well") is not True]
    if not failed:
        return SiteState.DOWN
    refused = _refused_paths(evidence)
    if all(_path(check) in refused for check in failed):
        return SiteState.REFUSES
    others = differing_checks(evidence)
    barred = [_path(check) in refused or _is_barred(check) or check.get("name") in others for check in failed]
    return SiteState.BARRED if all(barred) else SiteState.DOWN


def differing_checks(evidence: dict[str, Any]) -> set[str]:
    """Names of failed checks that nginx has answered, and the app itself answers as wanted.

    Not those that nginx got no connection or no answer for: what lies below it may be why.
    """
    proxy = evidence.get("proxy")
    found = proxy.get("differing") if isinstance(proxy, dict) else None
    entries = [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
    return {str(item.get("name")) for item in entries if item.get("status") not in GATEWAY_ERRORS}


def is_above_the_app(evidence: dict[str, Any]) -> bool:
    """Whether each failed check is such a one, so that nothing below nginx is a cause of the outage."""
    edge = evidence.get("edge")
    asked = edge_summary.checks(edge) if isinstance(edge, dict) else []
    failed = [check.get("name") for check in asked if check.get("well") is not True]
    return bool(failed) and differing_checks(evidence).issuperset(map(str, failed))


def may_help(layer: str, state: SiteState) -> bool:
    """Whether repairing something of this layer can bring a site in this state back."""
    return state is SiteState.DOWN or (state is SiteState.BARRED and LAYERS.index(layer) >= _PROXY)


def is_any_page_served(evidence: dict[str, Any]) -> bool:
    """Whether a check is answered as wanted, so that there is something to lose."""
    edge = evidence.get("edge")
    if not isinstance(edge, dict):
        return False
    return edge.get("well") is True or any(check.get("well") is True for check in edge_summary.checks(edge))


def _refused_paths(evidence: dict[str, Any]) -> set[str]:
    """Paths that nginx is known to answer itself, whatever the app would say."""
    proxy = evidence.get("proxy")
    refusals = proxy.get("refusals") if isinstance(proxy, dict) else None
    entries = [item for item in refusals if isinstance(item, dict)] if isinstance(refusals, list) else []
    return {str(item.get("path")) for item in entries if item.get("certain") is True}


def _path(check: dict[str, Any]) -> str:
    try:
        return urlsplit(str(check.get("url"))).path or "/"
    except ValueError:
        return ""


def _is_barred(check: dict[str, Any]) -> bool:
    """Whether a failed check never got to the app, or the app's answer did not get to a browser."""
    if str(check.get("error")).startswith("certificate:") or check.get("loops") is True:
        return True
    # The status and the content were as wanted: what is left is CORS.
    return isinstance(check.get("cors"), dict) and str(check.get("problem")).startswith(OF_CORS)
