"""A script for `DagRuns.do`: runs DAGs, then asks Airflow's own application for Stageline's pages, as its users."""

from __future__ import annotations

import json
from collections.abc import Sequence

SCRIPT = """
import json, re
from urllib.parse import quote

visits = json.loads({visits!r})
answer = {{"ran": {{dag_id: run(dag_id) for dag_id in {dag_ids!r}}}, "seen": []}}

from airflow.api_fastapi.app import create_app, get_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from fastapi.testclient import TestClient

app, clients = create_app("core"), {{}}


def client_of(user, role):
    if user not in clients:
        clients[user] = TestClient(app, base_url="http://localhost", follow_redirects=False)
        if user:
            token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=user, role=role))
            clients[user].cookies.set("_token", token)
    return clients[user]


def token_in(html):
    found = re.search(r'name="csrf" content="([^"]+)"', html)
    return found[1] if found else ""


def pressed(html, button):
    for form in re.findall(r"<form.*?</form>", html, re.S):
        if button in form and 'method="post"' in form:
            fields = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form))
            return re.search(r'action="([^"]+)"', form)[1], fields
    return "", {{}}


for visit in visits:
    client = client_of(visit["user"], visit["role"])
    path = visit["path"].format(**{{name: quote(one["run_id"], safe="") for name, one in answer["ran"].items()}})
    found = client.get(path, headers=visit.get("headers", {{}}))
    while found.status_code in (302, 303, 307) and "/stageline/" in found.headers["location"].partition("?")[0]:
        found = client.get(found.headers["location"])
    if "form" in visit:
        action, fields = pressed(found.text, visit.get("button", "\\0"))
        fields = {{**fields, "csrf": token_in(found.text), **visit["form"]}}
        found = client.post(visit.get("action") or action, data=fields)
    answer["seen"].append({{
        "status": found.status_code, "url": str(found.url), "text": found.text,
        "headers": {{name.lower(): value for name, value in found.headers.items()}},
    }})
"""


def visited(*visits: dict[str, object], dag_ids: Sequence[str] = ()) -> str:
    """The script: DAGs to run first, then each visit by `user` with `role`; `{dag_id}` in a path is its run's id."""
    return SCRIPT.format(visits=json.dumps(visits), dag_ids=list(dag_ids))
