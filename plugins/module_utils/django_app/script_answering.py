# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs inside the app's own Python, as a part of script_rehearsal.py: who in Django makes the answer to a request.

A middleware, a view, or the addresses in which no page was found. Each layer of Django's is handed the next one: what
that one says of each request is heard, and nothing is changed.
"""

from __future__ import annotations

import inspect
import os
import sys

from ansible_collections.rescue502.django.plugins.module_utils.django_app.script_errors import (
    describe,
    inside_app,
    short,
)


class Heard:
    """What was heard of one request: of each middleware, outermost first, the status that the next one gave it."""

    def __init__(self):
        self.layers, self.hook, self.errors, self.whole = [], None, [], True

    def middleware(self, path, made):
        """That middleware, heard: made is what Django calls with the next layer; None the status of one not asked."""

        def heard(get_response):
            layer = {"name": path, "is": made, "inner": None}

            def inner(request):
                answer = get_response(request)
                layer["inner"] = answer.status_code
                return answer

            if inspect.iscoroutinefunction(get_response):
                self.whole = False
                return made(get_response)
            built = made(inner)
            self.layers.insert(0, layer)
            return built

        heard.sync_capable = getattr(made, "sync_capable", True)
        heard.async_capable = getattr(made, "async_capable", False)
        return heard

    def view_hook(self, method):
        """A middleware's process_view, heard: what it returns is answered in the view's place."""

        def heard(*words):
            answer = method(*words)
            if answer is not None:
                self.hook = method
            return answer

        return heard

    def raised(self, answer_for):
        """What makes an answer of its second argument, an exception, heard."""

        def heard(first, error):
            answer = answer_for(first, error)
            self.errors.append((error, answer.status_code))
            return answer

        return heard

    def maker(self, status):
        """The middleware that made an answer of this status; None where it came of the innermost layer."""
        return next((layer for layer in self.layers if layer["inner"] != status), None)


def ask(client, request, plan):
    """(answer, by) to what request(client) asks; by is None where it cannot be said.

    by: {kind, name, file, line, in_app, type, message}; kind is middleware, view or urls, where no address fits. type
    and message are of the exception that the answer was made of, and that Django takes for an answer, else empty.
    """
    from django.core.handlers import base, exception

    heard, found, answer_for = Heard(), base.import_string, exception.response_for_exception
    rest = getattr(sys.modules.get("rest_framework.views"), "APIView", None)
    handle = rest.handle_exception if rest else None
    base.import_string = lambda path: heard.middleware(path, found(path))
    try:
        client.handler.load_middleware()
    finally:
        base.import_string = found
    client.handler._view_middleware = [heard.view_hook(method) for method in client.handler._view_middleware]
    exception.response_for_exception = heard.raised(answer_for)
    if rest:
        rest.handle_exception = heard.raised(handle)
    try:
        answer = request(client)
    finally:
        exception.response_for_exception = answer_for
        if rest:
            rest.handle_exception = handle
    return answer, answerer(heard, answer, plan) if heard.whole else None


def answerer(heard, answer, plan):
    """Who made the answer, as ask() says it."""
    from django.conf import settings
    from django.urls import Resolver404

    error = next((error for error, status in heard.errors if status == answer.status_code), None)
    layer = heard.maker(answer.status_code)
    match = getattr(getattr(answer, "wsgi_request", None), "resolver_match", None)
    if layer:
        kind, who = "middleware", layer["is"]
    elif heard.hook:
        kind, who = "middleware", type(getattr(heard.hook, "__self__", heard.hook))
    elif isinstance(error, Resolver404):
        # Where it is served below a prefix, what is asked here may not be what it is asked.
        if settings.FORCE_SCRIPT_NAME or os.environ.get("SCRIPT_NAME"):
            return None
        kind, who = "urls", sys.modules.get(settings.ROOT_URLCONF)
    elif match:
        kind, who = "view", view_of(match.func)
    else:
        return None
    file, line = written_at(who)
    name = layer["name"] if layer else name_of(who)
    by = {"kind": kind, "name": short(name), "file": file, "line": line, "type": "", "message": ""}
    if error is not None and kind != "urls":
        raised = describe(error, plan)
        by.update(type=raised["type"], message=raised["message"], file=raised["file"], line=raised["line"])
    return dict(by, in_app=inside_app(by["file"], plan))


def view_of(function):
    """The class or the function that a view's author wrote."""
    return getattr(function, "view_class", None) or getattr(function, "cls", None) or inspect.unwrap(function)


def name_of(thing):
    """Its name with its module's."""
    name = getattr(thing, "__qualname__", "") or type(thing).__qualname__
    module = getattr(thing, "__module__", "")
    return "{}.{}".format(module, name) if module else thing.__name__


def written_at(thing):
    """(file, line) of what somebody wrote; of a class or a module its file, and 0."""
    code = getattr(thing, "__code__", None)
    if code:
        return code.co_filename, code.co_firstlineno
    module = sys.modules.get(getattr(thing, "__module__", getattr(thing, "__name__", "")))
    return getattr(module, "__file__", None) or "", 0
