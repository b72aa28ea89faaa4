"""Two faults that meet at the app's socket: both are named at the first look, and neither is one of a moment ago."""

from __future__ import annotations

import pytest
from ansible_collections.rescue502.django.plugins.plugin_utils.catalogue.catalogue import load

from lab import look
from lab.site import Site, named

pytestmark = [pytest.mark.nightly, pytest.mark.parametrize("site", ["unix"], indirect=True)]
CATALOGUE = load()
# nginx's account is out of the group whose folder the unit makes at each start.
OUT_OF_THE_GROUP = """
unit_drop_in '[Service]' 'RuntimeDirectoryMode=0750'
restart_app
gpasswd -d www-data "$APP_GROUP" > /dev/null 2>&1 || true
systemctl restart nginx
until_true "curl -so /dev/null -w '%{http_code}' -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH | grep -q 502"
"""
DOWN = """
chmod 0600 /etc/hosts
stop_app
test ! -e "$(systemctl show -P RuntimeDirectory "$UNIT" | sed 's#^#/run/#')"
"""
# A visitor meets the moment in which the socket is not there; then answers have too big a header.
RESTARTED = """
stop_app
rm -f /run/*/gunicorn.sock
curl -so /dev/null -H "Host: $SERVER_NAME" "http://127.0.0.1$API_PATH"
grep -q '(2: No such file or directory) while connecting to upstream' /var/log/nginx/error.log
sleep 2
cat > "$ROOT/$PACKAGE/csp.py" <<'END'
def policy(get_response):
    def answer(request):
        response = get_response(request)
        response["Content-Security-Policy"] = "default-src " + "https://partner.example " * 400
        return response
    return answer
END
sed -i "s/^MIDDLEWARE = \\[/&\\n    '$PACKAGE.csp.policy',/" "$ROOT/$PACKAGE/settings.py"
systemctl start "$UNIT"
until_true "grep -q 'upstream sent too big header' /var/log/nginx/error.log \
  || { curl -so /dev/null -H 'Host: $SERVER_NAME' http://127.0.0.1$API_PATH; false; }"
"""
LONG = """
printf 'name = "feature-" * 16\\nbind = f"unix:/run/{name}/app.sock"\\n' > "$ROOT/socket.conf.py"
sed -i "0,/proxy_pass/s#^ *proxy_pass#        add_header Access-Control-Allow-Origin * always;\\n&#" "$NGINX_SITE"
nginx -t && systemctl reload nginx
unit_drop_in '[Service]' 'ExecStart=' \
  "ExecStart=$(start_command | sed -E 's#(--bind|-b)[ =][^ ]+##') --config $ROOT/socket.conf.py"
restart_app || true
until_true "{ journalctl -u $UNIT; cat /var/log/*/error.log; } 2>&1 | grep 'path too long' > /dev/null"
"""


def test_a_lost_group_is_named_while_the_app_is_down(site: Site) -> None:
    """With the folder as the unit will make it, next to a stopped app and a closed file of names."""
    site.host.break_with("", OUT_OF_THE_GROUP + DOWN)
    found = {finding.id: finding for finding in look.diagnosed(site.host, CATALOGUE).findings}
    assert "proxy/socket-denied" in found, sorted(found)
    assert found["proxy/socket-denied"].explained_by == ()
    assert "with mode 0750, which lets in the group" in " ".join(found["proxy/socket-denied"].because.split())


def test_a_line_of_the_moment_of_a_restart_is_over(site: Site) -> None:
    """nginx said that there is no socket, and says by now that a header is too big."""
    site.host.break_with("", RESTARTED)
    assert site.host.ask(site.shape.api_path)[0] == 502, "the fault"
    found = look.diagnosed(site.host, CATALOGUE)
    assert [cause.id for cause in found.root_causes] == ["proxy/header-too-big"]


def test_a_path_that_is_too_long_and_a_header_that_would_be_doubled(site: Site) -> None:
    """Both are a person's, and the app is not restarted in vain."""
    site.host.break_with("", LONG)
    assert site.host.ask(site.shape.api_path)[0] == 502, "the fault"
    _code, incident, output = site.play("recover")
    assert (incident["outcome"], incident["actions"]) == ("needs-human", []), output
    assert set(named(incident)) == {"service/socket-path-too-long", "edge/cors-doubled"}, output
    assert "socket.conf.py says so" in incident["root_causes"][0]["because"]
