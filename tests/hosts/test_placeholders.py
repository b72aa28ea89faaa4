"""Files of the app's in whose place a pointer, zeros, nothing or git's markers lie are named, whatever reads them."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load
from test_trials import BACK, KEEP

from lab import look
from lab.site import Site

CATALOGUE = load()
POINTER, EMPTIED, CONFLICT = "code/lfs-pointer", "code/file-emptied", "code/conflict-committed"
# Bash: an app whose urls.py reads a file of its own, which is there.
READS = """
cd $ROOT; printf '*.json filter=lfs diff=lfs merge=lfs -text\\n' > .gitattributes
cat >> $PACKAGE/urls.py <<END
import json
from pathlib import Path

TAX = json.loads((Path(__file__).parent / "tax.json").read_text())
END
printf '{"tax": 7}\\n' > $PACKAGE/tax.json; chown $APP_USER: .gitattributes $PACKAGE/tax.json
app_git add -A; app_git commit -qm Taxes; restart_app
until_true "curl -sfo /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
"""
LFS = "printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:%064d\\nsize 63410\\n' 7"
ASK = "curl -so /dev/null -w '%{http_code}' -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH"
SHOWS = f'\nrestart_app; until_true "{ASK} | grep -q ^50"'
# How the site is broken, the cause, and what is said of it.
WAYS = {
    "a pointer in JSON": (
        f"{LFS} > $PACKAGE/tax.json; app_git commit -qam 'By LFS'",
        POINTER,
        "tax.json is a Git LFS pointer and not the file itself, which has 63410 bytes; JSONDecodeError in ",
    ),
    "a pointer, opened by a library in C": (
        f"{LFS} > $PACKAGE/geo.json\n"
        "printf 'import ctypes\\nctypes.CDLL(\"%s\")\\n' $ROOT/$PACKAGE/geo.json >> $PACKAGE/urls.py\n"
        "chown $APP_USER: $PACKAGE/geo.json; app_git add -A; app_git commit -qm 'By LFS'",
        POINTER,
        "geo.json is a Git LFS pointer and not the file itself",
    ),
    "a file of data that is empty": (": > $PACKAGE/tax.json", EMPTIED, "tax.json holds nothing, and has content in "),
    "a module of zeros": (
        "head -c 300 /dev/zero > $PACKAGE/wsgi.py; rm -rf $PACKAGE/__pycache__",
        EMPTIED,
        "wsgi.py holds nothing",
    ),
    "settings that are empty": (": > $PACKAGE/settings.py", EMPTIED, "with the commit's files it comes up"),
    "markers in JSON": (
        "printf '<<<<<<< HEAD\\n{}\\n=======\\n[]\\n>>>>>>> hotfix\\n' > $PACKAGE/tax.json; app_git commit -qam Merge",
        CONFLICT,
        "tax.json holds conflict markers, and nothing is being merged; ",
    ),
}


@pytest.mark.nightly
@pytest.mark.parametrize("site", ["unix"], indirect=True)
def test_what_lies_in_the_place_of_a_file(site: Site) -> None:
    """That alone is the cause, and no commit is offered."""
    site.host.break_with("", READS)
    site.host.break_with("", KEEP)
    for way, (breaks, cause, said) in WAYS.items():
        site.host.break_with("", f"cd $ROOT; {breaks}{SHOWS}")
        found = look.diagnosed(site.host, CATALOGUE)
        assert [item.id for item in found.root_causes] == [cause], (
            way,
            [(item.id, item.because) for item in found.findings],
        )
        assert said in found.root_causes[0].because, (way, found.root_causes[0].because)
        site.host.break_with("", BACK)
