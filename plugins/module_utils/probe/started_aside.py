# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the app is started for trial: a start has effects of its own, so not where the app itself is to rest."""

from __future__ import annotations

from typing import Any

from ansible_collections.rescue502.django.plugins.module_utils.collectors import answers, cors_lines, refusals
from ansible_collections.rescue502.django.plugins.module_utils.django_app import shadow_start
from ansible_collections.rescue502.django.plugins.module_utils.services.upstream_address import same_address
from ansible_collections.rescue502.django.plugins.module_utils.stack.stack import Stack

_DOWN = ("inactive", "failed")


def collect(stack: Stack, given: dict[str, Any], quick: dict[str, Any], wrong: answers.Wrong) -> dict[str, Any]:
    """The section `shadow_start` of the evidence.

    given: the probe's options. quick: the sections of the quick look. wrong: of edge.wrong().
    """
    if why_not := bar(stack, given, quick):
        return {"tried": False, "why_not": why_not}
    return cors_lines.with_doubled(shadow_start.try_start(stack, wrong, given["cors_origin"]), stack, wrong)


def bar(stack: Stack, given: dict[str, Any], quick: dict[str, Any]) -> str:
    """Why the app is not started for trial; empty where it may be."""
    if not given["shadow_start"]:
        return "rescue502_shadow_start is false"
    if any(item["certain"] for item in refusals.collect(stack, quick["edge"])):
        return "nginx is configured to answer without the app"
    return _rest(stack, quick) if stack.properties.get("ActiveState") in _DOWN else ""


def _rest(stack: Stack, quick: dict[str, Any]) -> str:
    """Why an app that is down is to stay so, as far as somebody has said it; empty where nobody has.

    One that sends mail or payments when it starts would do so in a trial too: twice, where its host was moved from.
    """
    by_hand, start = quick["database"].get("by_hand"), quick["service"].get("start") or {}
    if by_hand:
        return f"{by_hand['unit']}, its database, is to be started by hand alone"
    if stack.properties.get("Result") == "success" and "account_expired" in start:
        return f"the account {start['account']} expired on {start['account_expired']}"
    sent_to = [address for item in stack.locations for address in item["addresses"]]
    is_asked = not sent_to or not stack.bind or any(same_address(one, own) for one in sent_to for own in stack.bind)
    if stack.properties.get("UnitFileState") == "disabled" and not is_asked:
        return f"{stack.unit} is disabled, and nginx sends it nothing"
    return ""
