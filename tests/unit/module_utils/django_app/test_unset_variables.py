"""On which variables that are not set the settings' databases depend: where a fallback was taken, it is said why."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_asked_variables import rehearsed

# As much of Django as reading its settings takes.
DJANGO = {
    "django/__init__.py": "def get_version(): return ''\n",
    "django/conf.py": "class Settings:\n    def __getattr__(self, name):\n        import settings as own\n"
    "        return getattr(own, name)\n\n\nsettings = Settings()\n",
}
OTHERS = "DEBUG = False\nALLOWED_HOSTS = MIDDLEWARE = []\nSTATIC_ROOT = MEDIA_ROOT = SESSION_ENGINE = ''\nCACHES = {}\n"
FALLBACK = "DATABASES = {'default': {'ENGINE': 'sqlite3', 'NAME': 'x'}}\n"
ASKS = {
    "with a default": "URL = os.environ.get('SHOP_URL', 'sqlite://')\nDATABASES = {'default': {'NAME': URL}}\n",
    "in its own statement": "DATABASES = {'default': {'NAME': os.getenv('SHOP_URL', 'x')}}\n",
    "in a condition": "if os.environ.get('SHOP_URL'):\n    DATABASES = {}\nelse:\n    " + FALLBACK,
    "by its name alone": "if 'SHOP_URL' not in os.environ:\n    " + FALLBACK,
}


@pytest.mark.parametrize("way", ASKS)
def test_what_the_databases_depend_on(tmp_path: Path, way: str) -> None:
    """That one and no other, and not where it is set."""
    (tmp_path / "django").mkdir()
    for name, text in DJANGO.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    settings = OTHERS + "MAIL = os.getenv('MAIL_HOST', 'localhost')\n" + ASKS[way]
    for more, expected in (({}, ["SHOP_URL"]), ({"SHOP_URL": "postgres://db/shop"}, [])):
        step = rehearsed(tmp_path, settings + ("" if expected else FALLBACK), **more)["settings"]
        assert step["ok"], step
        assert step["database_unset"] == expected
