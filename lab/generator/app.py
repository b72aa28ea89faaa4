"""The code of a generated host: the lab's small site, with its settings written as the choices say."""

from __future__ import annotations

import re
from pathlib import Path

from lab import image_content
from lab.generator.shape import GeneratedShape

# Packages that a choice needs besides the site's own.
PACKAGES = {
    "gevent": ["gevent"],
    "uvicorn-worker": ["uvicorn==0.30.6"],
    "uvicorn": ["uvicorn==0.30.6"],
    "hypercorn": ["hypercorn==0.17.3"],
    "daphne": ["daphne==4.1.2"],
    "uwsgi": ["pyuwsgi==2.0.30"],
    "uwsgi-http": ["pyuwsgi==2.0.30"],
    "whitenoise": ["whitenoise==6.6.0"],
    "dotenv": ["python-dotenv==1.0.1"],
    "decouple": ["python-decouple==3.8"],
    "environ": ["django-environ==0.11.2"],
    "pydantic": ["pydantic-settings==2.6.1"],
}
MANIFEST = """
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
"""
ASKED = re.compile(
    r"(?:os\.environ|SECRETS)\[\"(?P<name>\w+)\"\]"
    r"|os\.environ\.get\(\"(?P<other>\w+)\", (?P<default>\"[^\"]*\")\)"
)
# What the settings begin with, where they ask in a way of their own.
IMPORTS = {
    "decouple": "\nfrom decouple import config\n",
    "environ": """
import environ

env = environ.Env()
environ.Env.read_env(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), ".env"))
""",
    "pydantic": "\nfrom PACKAGE.config import CONFIG\n",
}
CONFIG = '''"""What the site is configured with, from its variables or the file next to manage.py."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Config(BaseSettings):
    """Each variable with its type."""

    model_config = SettingsConfigDict(env_file=Path(__file__).resolve().parent.parent / ".env", extra="ignore")
'''
SECURITY = '    "django.middleware.security.SecurityMiddleware",\n'


def packages(shape: GeneratedShape) -> list[str]:
    """The further packages of this host's requirements."""
    c = shape.choices
    return [line for choice in (c.server, c.static, c.variables) for line in PACKAGES.get(choice, [])]


def stage(shape: GeneratedShape, folder: Path, variables: dict[str, str]) -> None:
    """Write the code. variables: the app's, with their true values."""
    image_content.copy_app(shape, folder)
    settings = folder / shape.package / "settings.py"
    text = _static(shape, settings.read_text(encoding="utf-8"))
    if shape.choices.logs == "journal":
        text = text.partition("LOGGING = ")[0]
    settings.write_text(text, encoding="utf-8")
    if shape.choices.static == "none" or shape.choices.name == "myproject":
        (folder / "static" / "site.css").unlink()
    files = [folder / shape.package / name for name in ("settings.py", "database.py", "secrets.py")]
    if shape.choices.variables == "pydantic":
        (folder / shape.package / "config.py").write_text(_config(files), encoding="utf-8")
    for path in files:
        path.write_text(_variables(shape, path.read_text(encoding="utf-8"), variables), encoding="utf-8")
    # A shape's own lines take every ASGI server for uvicorn.
    own = [line for line in shape.requirement_lines() if not line.startswith("uvicorn")]
    lines = (*own, *packages(shape))
    if shape.choices.requirements == "txt":
        (folder / "requirements.txt").write_text("\n".join(dict.fromkeys(lines)) + "\n", encoding="utf-8")
    else:
        (folder / "requirements.txt").unlink()


def _static(shape: GeneratedShape, text: str) -> str:
    """Where static files come from."""
    static = shape.choices.static
    if shape.choices.name == "myproject":
        text = text.replace('"staticfiles"', '"static"').replace('STATICFILES_DIRS = [BASE_DIR / "static"]\n', "")
    if static == "none":
        text = text.replace('    "django.contrib.staticfiles",\n', "")
        return re.sub(r"^STATIC\w+ = .*\n", "", text, flags=re.MULTILINE) + 'STATIC_URL = "/static/"\n'
    if static == "whitenoise":
        return text.replace(SECURITY, SECURITY + '    "whitenoise.middleware.WhiteNoiseMiddleware",\n')
    return text + MANIFEST if static == "manifest" else text


def _variables(shape: GeneratedShape, text: str, variables: dict[str, str]) -> str:
    """How the settings ask for their variables."""
    kind = shape.choices.variables
    if kind == "dotenv" and "SECRETS = " in text:
        load = 'from dotenv import load_dotenv\n\nload_dotenv(Path(__file__).resolve().parent.parent / ".env")\n'
        return text.replace("from pathlib import Path\n", "from pathlib import Path\n\n" + load)
    if kind not in (*IMPORTS, "settings"):
        return text

    def asked(match: re.Match[str]) -> str:
        name, default = match["name"] or match["other"], match["default"]
        if kind == "settings":
            return repr(variables[name]) if name in variables else str(default)
        if kind == "pydantic":
            return f"CONFIG.{name}"
        call = "env" if kind == "environ" else "config"
        return f"{call}({name!r}, default={default})" if default else f"{call}({name!r})"

    asking = ASKED.sub(asked, text)
    if asking != text and kind in IMPORTS:
        asking = asking.replace("import os\n", "import os\n" + IMPORTS[kind].replace("PACKAGE", shape.package), 1)
    return asking


def _config(files: list[Path]) -> str:
    """pydantic's settings with all variables that these files ask for."""
    found = ASKED.finditer("".join(path.read_text(encoding="utf-8") for path in files))
    fields = {match["name"] or match["other"]: match["default"] for match in found}
    lines = [f"    {name}: str = {default}\n" if default else f"    {name}: str\n" for name, default in fields.items()]
    return CONFIG + "".join(lines) + "\n\nCONFIG = Config()\n"
