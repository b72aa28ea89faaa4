# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: requests made once more."""

from __future__ import annotations

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_answering import ask
from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_errors import describe

BODY_LIMIT = 65536


def ask_for_pages(plan):
    """The requests that the app did not answer as wanted, made once more here: what anybody may ask for.

    Their answers stay on the host: repeated_requests.py judges them.
    """
    answers = []
    for page in plan["pages"]:
        from django.test import Client

        def request(client, page=page):
            return client.get(page["path"], secure=page["secure"], **page["headers"])

        try:
            answer, by = ask(Client(HTTP_HOST=page["host"]), request, plan)
        except Exception as error:
            if page["is_error"]:
                plan["page_error"] = error
                return {"ok": False, "path": page["path"], "error": describe(error, plan)}
            answers.append(None)
            continue
        body = getattr(answer, "content", b"")[:BODY_LIMIT].decode("utf-8", "replace")
        answers.append({"status": answer.status_code, "headers": dict(answer.items()), "body": body, "by": by})
    return {"answers": answers}
