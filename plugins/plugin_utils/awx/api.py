# Copyright: rescue502 maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""AWX's REST API, version 2: what is there, and what is to be sent; in check mode nothing is."""

from __future__ import annotations

import json
import ssl
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

Json = dict[str, Any]
# Of one request. AWX itself gives up after 30 s.
SECONDS = 30
# AWX gives no more on one page.
PAGE = 200


class ApiError(Exception):
    """AWX cannot be reached or refuses something; the text says which request, and AWX's reason."""


@dataclass(frozen=True)
class Login:
    """By whom requests are made: an OAuth 2 token, or where there is none, an account."""

    token: str = ""
    username: str = ""
    password: str = ""

    def header(self) -> dict[str, str]:
        """What tells AWX who it is."""
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        account = f"{self.username}:{self.password}".encode()
        return {"Authorization": f"Basic {b64encode(account).decode()}"} if self.username else {}


@dataclass
class Api:
    """One AWX. url: its address, without `/api`; validate_certs: whether its certificate must be valid."""

    url: str
    login: Login
    validate_certs: bool = True
    check_mode: bool = False
    _described: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if urlsplit(self.url).scheme not in ("http", "https"):
            raise ApiError(f"'{self.url}' is not a valid address of AWX, such as https://awx.example.org")
        self.url = self.url.rstrip("/") + "/"
        self._opener = _opener(self.validate_certs)
        # Which version this AWX has, and where.
        self._root = str(self._ask("GET", "/api/").get("current_version") or "/api/v2/")

    def get(self, path: str, **query: Any) -> Json:
        """What is at a path below the API's root, such as `projects/7/`."""
        return self._ask("GET", self._root + path + (f"?{urlencode(query)}" if query else ""))

    def all(self, path: str, **query: Any) -> Iterator[Json]:
        """Each item of a list, page by page."""
        answer = self.get(path, page_size=PAGE, **query)
        yield from answer.get("results", [])
        while following := answer.get("next"):
            answer = self._ask("GET", str(following))
            yield from answer.get("results", [])

    def fields(self, path: str) -> Json:
        """The fields that can be set when something is made at a path, as AWX describes them; asked once.

        Empty where this account may make nothing there.
        """
        if path not in self._described:
            self._described[path] = self._ask("OPTIONS", self._root + path)
        return dict(self._described[path].get("actions", {}).get("POST", {}))

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """Make (POST), change (PATCH) or remove (DELETE). In check mode nothing is sent, and the answer is empty."""
        return {} if self.check_mode else self._ask(method, self._root + path, body)

    def _ask(self, method: str, address: str, body: Mapping[str, Any] | None = None) -> Json:
        headers = {"Content-Type": "application/json", "Accept": "application/json", **self.login.header()}
        data = None if body is None else json.dumps(body).encode()
        request = Request(urljoin(self.url, address), data=data, headers=headers, method=method)
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                return _object(answer.read().decode("utf-8"))
        except HTTPError as error:
            raise ApiError(f"{method} {address}: {error.code}: {_reason(error)}") from error
        except (URLError, OSError, ValueError) as error:
            raise ApiError(f"{method} {address} at {self.url}: {error}") from error


class _NoRedirects(HTTPRedirectHandler):
    """A token is for this AWX, and for nobody to whom it sends us on."""

    def redirect_request(self, *_args: Any) -> None:
        """None has the redirect's status stand as an error."""


def _opener(validate_certs: bool) -> OpenerDirector:
    """Made once: reading the system's certificates takes longer than a request."""
    context = ssl.create_default_context()
    if not validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return build_opener(HTTPSHandler(context=context), _NoRedirects())


def _object(text: str) -> Json:
    value = json.loads(text) if text.strip() else {}
    if not isinstance(value, dict):
        raise ValueError("this is not an answer of AWX's API")
    return value


def _reason(error: HTTPError) -> str:
    """AWX's own words for a refusal."""
    text = error.read().decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except ValueError:
        return str(error.reason)
    if not isinstance(value, dict):
        return text
    return "; ".join(f"{key}: {_joined(item)}" if key != "detail" else str(item) for key, item in value.items())


def _joined(item: Any) -> str:
    return " ".join(str(word) for word in item) if isinstance(item, list) else str(item)
