import base64
import json
import os
import pathlib
import sys
import urllib.parse

E = os.environ
GIVEN = json.loads(pathlib.Path("/srv/canaries.json").read_text())
OWN = dict(line.split("=", 1) for line in pathlib.Path(".env.local").read_text().split())
KEY = E["SIGNING_KEY"].replace("\\n", "\n")
URL = urllib.parse.urlsplit(E["CACHE_URL"])
RANDOM, MAIL = E["SECRET_KEY"], E["MAIL_PASSWORD"]
FOUND = [
    RANDOM,
    "the password was " + E["DB_PASSWORD"],
    E["CACHE_URL"],
    urllib.parse.unquote(URL.password),
    repr(KEY),
    json.loads(E["GOOGLE_ACCOUNT"])["client_secret"],
    json.dumps(E["GOOGLE_ACCOUNT"]),
    E["API_TOKEN"],
    repr(E["API_TOKEN"]),
    E["PG_CONN"],
    E["PG_CONN"].split("password=")[1],
    E["PG_OTHER"],
    E["PG_OTHER"].split("'")[1],
    MAIL,
    repr(MAIL),
    json.dumps(MAIL),
    str(MAIL.encode()),
    urllib.parse.quote(MAIL),
    E["INLINE_SECRET"],
    E["ADMIN_PASSWORD"],
    E["STRIPE_API_KEY"],
    *OWN.values(),
    GIVEN["a-literal-in-settings"],
    "connects with " + GIVEN["a-word-in-settings"],
    "https://x:" + GIVEN["a-token-in-the-checkouts-remote"] + "@git.example/x.git",
    GIVEN["a-token-in-the-checkouts-remote"],
    GIVEN["a-credential-in-the-unit"] + " " + GIVEN["a-credential-in-a-file"],
    GIVEN["a-header-of-nginx"],
    GIVEN["a-key-in-a-header-of-nginx"],
    base64.b64encode(("user:" + RANDOM).encode()).decode(),
    base64.urlsafe_b64encode(("x:y" + E["API_TOKEN"]).encode()).decode(),
    RANDOM.encode().hex(),
    RANDOM[:9] + "\x1b[0m" + RANDOM[9:],
]
for line in [
    *FOUND,
    *KEY.splitlines(),
    "z" * 375 + " " + E["CUT_SECRET"],
    "Basic password='" + GIVEN["a-password-in-the-journal"] + "'",
]:
    print("[ERROR] Exception", line, file=sys.stderr)
raise RuntimeError("cannot go on: " + json.dumps({"password": E["DB_PASSWORD"], "locals": FOUND}) + repr(FOUND))
