"""Which variable an app asked for in vain: seen by what it asks os.environ for, whatever is raised."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.rescue502.django.plugins.module_utils.django_app import rehearsal, rehearsal_source

SECRET = "s3cret-value"
# Settings that do well without these, before they fail.
OPTIONAL = """import os
application = print
SENTRY = os.environ.get("SENTRY_DSN")
PORT = os.getenv("MAIL_PORT", "25")
"""
# What such a line or block asks for in vain.
ASKS = {
    "a check in a loop": """
for name in ("DATABASE_URL", "SHOP_KEY"):
    if not os.environ.get(name):
        raise RuntimeError("Environment variable not set: " + name)
""",
    "a check that names nothing": """
KEY = os.environ.get("SHOP_KEY")
if not KEY:
    raise RuntimeError("the configuration is not complete")
""",
    "an assertion": """
KEY = os.getenv("SHOP_KEY")
assert KEY
""",
    "a helper that raises another error": """
def needed(name):
    try:
        return os.environ[name]
    except KeyError:
        raise RuntimeError("not configured")
needed("DATABASE_URL")
needed("SHOP_KEY")
""",
    "a helper that asks for what is optional, too": """
def needed(name, must=True):
    value = os.environ.get(name)
    if must and not value:
        raise RuntimeError("not configured")
    return value
needed("SHOP_MOTTO", must=False)
needed("SHOP_KEY")
""",
    "the end of the program": """
import sys
if "SHOP_KEY" not in os.environ:
    sys.exit("SHOP_KEY must be set")
""",
    "the end of the program without a word": """
import sys
if "SHOP_KEY" not in os.environ:
    sys.exit(1)
""",
    "nothing, used later": """
KEY = os.environ.get("SHOP_KEY")
LIMIT = 1
KEYS = KEY.split(",")
""",
    "a setting that Django complains of": """
class ImproperlyConfigured(Exception): pass
SECRET_KEY = os.environ.get("SHOP_KEY", "")
def check():
    raise ImproperlyConfigured("The SECRET_KEY setting must not be empty.")
check()
""",
    "a dictionary of databases": """
class ImproperlyConfigured(Exception): pass
DATABASES = {
    "default": os.environ.get("SHOP_KEY") or {},
}
def check():
    raise ImproperlyConfigured("settings.DATABASES is improperly configured. Please supply the ENGINE value.")
check()
""",
    "decouple": """
from decouple import config
URL = config("DATABASE_URL")
MOTTO = config("SHOP_MOTTO", default="")
KEY = config("SHOP_KEY")
""",
    "environ": """
import environ
env = environ.Env(DEBUG=(bool, False))
DEBUG = env("DEBUG")
KEY = env.str("SHOP_KEY")
""",
    "pydantic-settings": """
from pydantic_settings import BaseSettings, SettingsConfigDict
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="SHOP_")
    key: str
    motto: str = ""
Settings()
""",
    "pydantic-settings, by an alias": """
from pydantic import Field
from pydantic_settings import BaseSettings
class Settings(BaseSettings):
    database_url: str
    key: str = Field(validation_alias="SHOP_KEY")
Settings()
""",
}
# What is asked for in vain here has nothing to do with the error.
OTHERS = {
    "a name that is not defined": "SENTRY_DSN",
    "another condition": "if PORT == '25':\n    raise RuntimeError('no mail')",
    "a setting that is a literal": 'class ImproperlyConfigured(Exception): pass\nSECRET_KEY = ""\n'
    'raise ImproperlyConfigured("The SECRET_KEY setting must not be empty.")',
    "a conversion": "int('x')",
    "a word that contains the name": "raise RuntimeError('MY_SENTRY_DSNS')",
}


def rehearsed(folder: Path, settings: str, *aside: str, **more: str) -> dict[str, Any]:
    """The rehearsal's steps of an app whose settings are these; its environment has DATABASE_URL, and more.

    aside: modules that are not taken from the folder.
    """
    (folder / "settings.py").write_text(OPTIONAL + settings, encoding="utf-8")
    plan = {"root": str(folder), "venv": "", "app": "settings", "server": "json", "settings_module": "settings"}
    plan |= {"requirements": [], "pips": [], "limits": {}, "look_after": 9, "pages": [], "aside": aside}
    plan["steps"] = rehearsal.STEPS
    read_end, write_end = os.pipe()
    words = [sys.executable, "-c", rehearsal_source.program(), str(write_end), json.dumps(plan)]
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": SECRET, **more}
    subprocess.run(words, cwd=folder, env=environment, pass_fds=[write_end], check=True)
    os.close(write_end)
    with os.fdopen(read_end, encoding="utf-8") as file:
        return {step["step"]: step for step in map(json.loads, file)}


def failed(folder: Path, settings: str, **more: str) -> dict[str, Any]:
    """What the rehearsal says of why such an app is not imported."""
    steps = rehearsed(folder, settings, **more)
    assert steps["application"]["ok"] is False, "the fault"
    error: dict[str, Any] = steps["application"]["error"]
    return error


@pytest.mark.parametrize("way", ASKS)
def test_a_missing_variable_is_named(tmp_path: Path, way: str) -> None:
    """That one and no other, and no value of any."""
    error = failed(tmp_path, ASKS[way])
    assert (error["env_key"], error.get("env_keys"), error["env_value"]) == ("SHOP_KEY", None, ""), error
    assert "env_empty" not in error
    assert SECRET not in json.dumps(error)


def test_all_that_are_missing_are_named(tmp_path: Path) -> None:
    """A check that collects them, and does not say which."""
    check = """
missing = [name for name in ("SHOP_KEY", "DATABASE_URL", "SHOP_HOST") if not os.environ.get(name)]
if missing:
    raise RuntimeError("%d variables lack" % len(missing))
"""
    error = failed(tmp_path, check)
    assert (error["env_key"], error["env_keys"]) == ("SHOP_KEY", ["SHOP_KEY", "SHOP_HOST"])


def test_an_empty_variable_is_named_as_such(tmp_path: Path) -> None:
    """It is set, and a value is missing all the same."""
    error = failed(tmp_path, ASKS["a check in a loop"], SHOP_KEY="")
    assert (error["env_key"], error["env_empty"]) == ("SHOP_KEY", True)


@pytest.mark.parametrize("way", OTHERS)
def test_what_is_optional_is_not_blamed(tmp_path: Path, way: str) -> None:
    """An app asks for what it does well without; its errors are others."""
    assert failed(tmp_path, OTHERS[way])["env_key"] == ""


def test_a_value_that_pydantic_refuses_is_not_shown(tmp_path: Path) -> None:
    """Its variable is named; pydantic's own words have the values of all in them."""
    settings = ASKS["pydantic-settings"].replace("key: str", "key: int")
    error = failed(tmp_path, settings, SHOP_KEY=SECRET)
    assert (error["env_key"], error["env_value"]) == ("", "SHOP_KEY")
    assert SECRET not in json.dumps(error)
