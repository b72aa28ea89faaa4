"""Secrets go, names stay."""

from __future__ import annotations

import base64
import html
import json
import shlex
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.secrets import app_secrets
from ansible_collections.rescue502.django.plugins.module_utils.secrets.redaction import MASK, Redactor

ENVIRONMENT = {
    "SECRET_KEY": "s3cr3t-Value-42",
    "DB_PASSWORD": "xamila",
    "DATABASE_URL": "postgres://app:p%40ss-word@db/x",
    "CANARY": "Zk93hGq2Lm5p",
    "DJANGO_SETTINGS_MODULE": "shop.settings",
    "ALLOWED_HOSTS": "api.example.com",
}


@pytest.mark.parametrize("secret", ["s3cr3t-Value-42", "p%40ss-word", "p@ss-word", "Zk93hGq2Lm5p"])
def test_known_values_are_masked_anywhere(secret: str) -> None:
    """By the variable's name, inside a URL as written and decoded, and by their look."""
    assert secret not in Redactor(ENVIRONMENT).text(f"Traceback: {secret}! and x={secret}")


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:hunter2secret@host/db",
        "password=hunter2secret host=db",
        "{'PASSWORD': 'hunter2secret'}",
        "Authorization: Bearer hunter2secretx",
        "gunicorn --env SECRET_KEY=hunter2secret",
        "api_key: hunter2secret",
        'BadSignature: Signature "hunter2secret" does not match',
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    """Without knowing the value."""
    masked = Redactor().text(text)
    assert "hunter2secret" not in masked
    assert MASK in masked


def test_names_stay() -> None:
    """Variables' names, plain values, and names that everybody sees."""
    redactor = Redactor(ENVIRONMENT, public=("/srv/xamila", "xamila.service"))
    text = "KeyError: 'SECRET_KEY' in shop.settings for api.example.com of xamila.service"
    assert redactor.text(text) == text


def test_tree() -> None:
    """Nested evidence is masked throughout; keys stay."""
    masked = Redactor(ENVIRONMENT).tree({"SECRET_KEY": ["s3cr3t-Value-42", 3, None]})
    assert masked == {"SECRET_KEY": [MASK, 3, None]}


SPELLED = {
    "quotes": """it's "a" \\ backslash & 100% $x""",
    "one kind of quotes": "it's quoted",
    "pattern": "x.*+?[(]|^$\\d{2}",
    "newlines": "-----BEGIN PRIVATE KEY-----\nMIICdgIBADANBgkqhkiG\nkLmNop0Second9xYv81\n-----END PRIVATE KEY-----",
}


@pytest.mark.parametrize("name", SPELLED)
@pytest.mark.parametrize(
    "spell",
    [
        str,
        repr,
        ascii,
        json.dumps,
        shlex.quote,
        html.escape,
        urllib.parse.quote,
        urllib.parse.quote_plus,
        lambda secret: repr(repr(secret)),
        lambda secret: json.dumps(repr(secret)),
        lambda secret: repr(json.dumps(json.dumps({"locals": secret}))),
        lambda secret: json.dumps(secret[:5] + "\x1b[31;1m" + secret[5:]),
        lambda secret: str(secret.encode()),
        lambda secret: secret.encode().hex(),
        lambda secret: base64.b64encode(secret.encode()).decode(),
        lambda secret: base64.urlsafe_b64encode(b"us:" + secret.encode() + b"!").decode(),
        lambda secret: "\n".join(f"Nov 24 host app[1]: {line}" for line in secret.splitlines()),
        lambda secret: secret[:5] + "\x1b[0m" + secret[5:],
    ],
)
def test_a_secret_is_known_however_it_is_written(name: str, spell: Callable[[str], str]) -> None:
    """In logs, tracebacks, JSON, URLs, shells, headers; no eight characters of it in a row are left."""
    secret = SPELLED[name]
    written = spell(secret)
    masked = Redactor({"MAIL_PASSWORD": secret}).text(f"[ERROR] {written} end")
    assert MASK in masked
    parts = [part for line in secret.splitlines() if "PRIVATE" not in line for part in [line[:9], line[-9:]]]
    assert not [part for part in parts if part in masked]


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("host=db user=x password=hunter2word", "hunter2word"),
        ("host=db password='two words' user=x", "two words"),
        ('{"type": "x", "inner": [{"client_secret": "hunter2word"}]}', "hunter2word"),
        ("amqp://u:p%40ss%2Fword@mq/", "p@ss/word"),
    ],
)
def test_a_secret_within_a_value_is_known(value: str, secret: str) -> None:
    """Whatever the variable is called."""
    assert secret not in Redactor({"SETTING": value}).text(f"it was {secret} then")


def test_a_url_that_is_none_tells_no_password() -> None:
    """A host that is not a valid address, in the user's own settings, keeps no run from its evidence."""
    assert Redactor({"SETTING": "http://[::1/x"}).text("x http://[::1/x") == "x http://[::1/x"


@pytest.mark.parametrize("cut", [0, 5, -3])
def test_what_a_limit_left_of_a_secret_is_masked(cut: int) -> None:
    """At the end of a text and at its beginning."""
    secret = "CanaryOfALongRandomSecret42"
    redactor = Redactor({"SECRET_KEY": secret})
    assert redactor.text(f"x {secret[: 12 + cut]}") == f"x {MASK}"
    assert redactor.text(f"{secret[-12 - cut :]} x") == f"{MASK} x"


def test_a_limit_may_cut_what_was_quoted() -> None:
    """A traceback's text that ends within a secret."""
    secret = """it's "a" \\ backslash & more"""
    text = "x " + json.dumps(repr(secret))
    redactor = Redactor({"SECRET_KEY": secret})
    for length in range(16, len(text)):
        assert "s \\" not in redactor.text(text[:length]), text[:length]
    for start in range(2, len(text) - 12):
        assert "ash & more" not in redactor.text(text[start:] + " y"), text[start:]


def test_an_apps_own_files_tell_its_secrets(tmp_path: Path) -> None:
    """A .env that it reads by itself, literals in its settings though they do not compile, its checkout's remote."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "shop").mkdir()
    (tmp_path / ".git" / "config").write_text('[remote "origin"]\n\turl = https://me:remote-word@git.example/x.git\n')
    (tmp_path / ".env.local").write_text("export SMTP_PASSWORD='dot env word' # comment\nDEBUG=False\n")
    (tmp_path / "shop" / "settings.py").write_text(
        "def broken(:\nAUTH_USER_MODEL = 'shop.User'\nSECRET_KEY = env('SECRET_KEY', default=\"fallback-word\")\n"
        "DATABASES = {'default': {'NAME': 'shop', 'PASSWORD': r'literal\\word', 'PORT': 5432}}\n"
    )
    redactor = Redactor(more=app_secrets.of_app(str(tmp_path), str(tmp_path), "shop.settings"))
    for secret in ("remote-word", "dot env word", "fallback-word", "literal\\word"):
        assert redactor.text(f"a {secret} b") == f"a {MASK} b"
    plain = "shop.User of shop, DEBUG is False, a comment"
    assert redactor.text(plain) == plain


def test_nginx_shows_its_headers(tmp_path: Path) -> None:
    """Of what it sets to a fixed text, that with a secret's name; a variable is none."""
    path = tmp_path / "site.conf"
    path.write_text(
        'proxy_set_header Host $host;\nproxy_set_header Authorization "Bearer header-word";\n'
        " set $api_token other-word;\n"
    )
    redactor = Redactor(more=app_secrets.of_nginx([str(path)]))
    assert redactor.text("header-word and other-word for $host") == f"{MASK} and {MASK} for $host"
    masked = Redactor().text(path.read_text())
    assert "-word" not in masked
    assert "proxy_set_header Authorization " in masked


@pytest.mark.parametrize(
    "unit",
    ["a", "a.", "a-", "\n", " ", "x://a:", "x://", "password=", 'password="', "password", " --password", "set a b\n",
     "basic ", "-----BEGIN PRIVATE KEY-----", "eyJ", "a='''", 'A="\n', "\x1b]", "{[", "'\\", "url = x\n", "\\"],
)  # fmt: skip
def test_no_text_takes_long(tmp_path: Path, unit: str) -> None:
    """A quarter of a MiB that was made to be slow to read, in a log and in the app's own files."""
    text = (unit * 2**18)[: 2**18]
    for name in (".env", "settings.py"):
        (tmp_path / name).write_text(text)
    begun = time.process_time()
    own = app_secrets.of_app(str(tmp_path), str(tmp_path), "settings")
    quoted = {"MAIL_PASSWORD": "'it's quoted"}
    Redactor({**ENVIRONMENT, **quoted}, more=own).text("quoted" + text)
    assert time.process_time() - begun < 20


def test_names_of_variables_stay_whole() -> None:
    """Where one looks like a value, and where a secret is a part of one; the secret itself goes all the same."""
    redactor = Redactor({"DB_PASSWORD": "SHOP", "SHOP_TOKEN": "t0ken-of-ours"}, names=["SHOP_TOKEN", "SHOP_KEY"])
    said = "missing token: SHOP_TOKEN; secret=SHOP_KEY; password: t0ken-of-ours, SHOP and xSHOP_KEY; token: hunter22"
    hidden = (
        "missing token: SHOP_TOKEN; secret=SHOP_KEY; password: ********, ******** and x********_KEY; token: ********"
    )
    assert redactor.text(said) == hidden
