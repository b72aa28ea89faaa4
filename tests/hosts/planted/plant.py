"""Runs on a lab host: puts each secret of /srv/canaries.json where its name says; /srv/leak.py is what leaks them."""

import glob
import json
import os
import pathlib
import subprocess
import time

APP = "/var/www/xamila/xamila_backend"
CANARIES = json.loads(pathlib.Path("/srv/canaries.json").read_text(encoding="utf-8"))


def add(path, text, mode="a"):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, mode, encoding="utf-8") as file:
        file.write(text)


def run(*words, user="root"):
    subprocess.run(["runuser", "-u", user, "--", *words], cwd=APP, check=True)


def replace(path, old, new):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert old in text, path
    add(path, text.replace(old, new, 1), "w")


def commit(path):
    run("git", "add", path, user="www-data")
    run("git", "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", path, user="www-data")


# The unit's environment file.
with open(f"{APP}/.env", encoding="utf-8") as opened:
    kept = [line for line in opened if not line.startswith(("SECRET_KEY=", "DB_PASSWORD="))]
word = CANARIES["a-short-word-for-a-password"]
key = CANARIES["a-key-of-several-lines"].replace("\n", "\\\\n")
account = json.dumps({"type": "x", "client_secret": CANARIES["a-secret-in-json"]})
lines = [
    f"SECRET_KEY={CANARIES['a-random-key']}",
    f"DB_PASSWORD={word}",
    f"CACHE_URL=redis://user:{CANARIES['an-encoded-password-in-a-url']}@cache.example:6379/0",
    f'SIGNING_KEY="{key}"',
    f"GOOGLE_ACCOUNT='{account}'",
    f"API_TOKEN='{CANARIES['a-secret-that-is-a-pattern']}'",
    f"PG_CONN='host=db.example user=x password={CANARIES['a-password-in-a-connection-string']}'",
    f"PG_OTHER=\"host=db.example password='{CANARIES['a-quoted-password-in-a-connection-string']}'\"",
    f"CUT_SECRET={CANARIES['a-secret-that-a-limit-cuts']}",
]
add(f"{APP}/.env", "".join(kept) + "\n".join(lines) + "\n", "w")
run("psql", "-qc", f"ALTER ROLE xamila PASSWORD '{word}'", user="postgres")

# The unit, its drop-in, its command and its credentials.
mixed = CANARIES["quotes-spaces-and-backslashes"].replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
inline, other = CANARIES["a-variable-of-the-unit"], CANARIES["a-word-of-the-unit"]
add(
    "/etc/systemd/system/xamila.service.d/secrets.conf",
    f'[Service]\nEnvironment="MAIL_PASSWORD={mixed}"\nEnvironment=INLINE_SECRET={inline} ADMIN_PASSWORD={other}\n'
    f"LoadCredential=mail_token:/etc/mail_token\nSetCredential=hook:{CANARIES['a-credential-in-the-unit']}\n",
)
# The lab's app takes its secrets from credentials where there are any; this one has both.
add(f"{APP}/xamila/secrets.py", "SECRETS = os.environ\n")
commit("xamila/secrets.py")
add("/etc/mail_token", CANARIES["a-credential-in-a-file"])
option = CANARIES["the-servers-own-option"]
replace("/etc/systemd/system/xamila.service", "--workers", f"--env STRIPE_API_KEY={option} --workers")

# The app's own files.
add(
    f"{APP}/.env.local",
    f"PAYMENT_SECRET={CANARIES['the-apps-own-dotenv']}\nSMTP_PASSWORD={CANARIES['a-word-in-the-apps-own-dotenv']}\n",
)
run("chown", "www-data:", f"{APP}/.env.local")
add(
    f"{APP}/xamila/settings.py",
    f'EMAIL_HOST_PASSWORD = "{CANARIES["a-literal-in-settings"]}"\n'
    f'OTHER = {{"PASSWORD": "{CANARIES["a-word-in-settings"]}"}}\n',
)
commit("xamila/settings.py")
with open("/srv/leak.py", encoding="utf-8") as opened:
    add(f"{APP}/xamila/urls.py", opened.read())
commit("xamila/urls.py")
token = CANARIES["a-token-in-the-checkouts-remote"]
run("git", "config", "remote.backup.url", f"https://x:{token}@127.0.0.1:9/x.git", user="www-data")

# nginx, its log, another process.
(site,) = [
    path for path in glob.glob("/etc/nginx/sites-enabled/*") if "X-Forwarded-Proto" in pathlib.Path(path).read_text()
]
replace(
    os.path.realpath(site),
    "proxy_set_header Host $host;",
    f'proxy_set_header Host $host;\n proxy_set_header Authorization "Bearer {CANARIES["a-header-of-nginx"]}";\n'
    f' proxy_set_header X-Api-Key "{CANARIES["a-key-in-a-header-of-nginx"]}";',
)
address = CANARIES["a-token-in-an-address"]
line = f'connect() failed (111), server: api.xamila.example, request: "GET /?token={address} HTTP/1.1", upstream: "x"'
add("/var/log/nginx/error.log", time.strftime("%Y/%m/%d %H:%M:%S") + f" [error] 1#1: *1 {line}\n")
words = ["python3", "-c", "import time; time.sleep(3000)", "--password", CANARIES["an-option-of-another-process"]]
run("systemd-run", "-q", "--unit=other", *words)
run("systemctl", "daemon-reload")
run("systemctl", "reload", "nginx")
subprocess.run(["systemctl", "restart", "xamila"], check=False)
