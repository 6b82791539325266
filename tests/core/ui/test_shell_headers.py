"""What every answer of the pages carries, whatever is asked: the policy against scripts, compression, hashes."""

from __future__ import annotations

import gzip
import re

import pytest
from reading import Reader

from stageline.errors import InvalidInput, NotFound
from stageline.ui.options import PageOptions, check_ancestors, check_prefix
from stageline.ui.static import PLOTLY, Static
from stageline.ui.views import routes
from stageline.workspace import Workspace

PATHS = sorted(
    {re.sub(r"\{[^}]*\}", "nothing", view.path) for view in routes() if "GET" in view.methods}
)
PARTS = (
    r"default-src 'self'; script-src ([^;]*); .*object-src 'none'; base-uri 'none'; form-action 'self'; "
    r"frame-ancestors 'self'"
)


@pytest.mark.parametrize("path", [*PATHS, "/nowhere", "/static/x/nothing.js"])
def test_no_answer_lets_a_script_within_a_page_run(reader: Reader, path: str) -> None:
    answer = reader.get(path, follow_redirects=False)
    found = re.fullmatch(PARTS, answer.headers["content-security-policy"])
    assert found, answer.headers
    assert "unsafe-inline" not in found[1]
    assert "http" not in found[1]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.status_code < 500


@pytest.mark.parametrize("path", PATHS)
def test_no_page_holds_script_or_style_of_its_own(reader: Reader, path: str) -> None:
    answer = reader.get(path)
    if not answer.headers.get("content-type", "").startswith("text/html"):
        return
    assert "<style" not in answer.text
    assert not re.search(r"<script(?![^>]*(src=|application/json))", answer.text)
    assert not re.search(r"<[^>]*\son[a-z]+=", answer.text)


def test_pages_may_be_framed_by_whom_the_option_names(workspace: Workspace) -> None:
    reader = Reader(workspace, PageOptions(frame_ancestors=("https://airflow.example.org",)))
    policy = reader.get("/experiments").headers["content-security-policy"]
    assert policy.endswith("frame-ancestors https://airflow.example.org")


def test_pages_are_compressed_for_those_who_take_it(reader: Reader) -> None:
    packed = reader.get("/experiments", headers={"accept-encoding": "gzip"})
    plain = reader.get("/experiments", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert int(packed.headers["content-length"]) < len(plain.content) / 2


def test_a_page_and_all_that_it_names_fit_into_200_kb(reader: Reader) -> None:
    first = reader.get("/experiments")
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', first.text)
    answers = [first, *(reader.get(one) for one in addresses)]
    assert len(answers) > 3
    assert sum(int(one.headers["content-length"]) for one in answers) < 200_000


def test_static_files_are_kept_for_ever_under_their_hash_alone(reader: Reader) -> None:
    address = reader.page("/experiments").one("script", type="module")["src"]
    mark = address.split("/")[2]
    kept, stale = reader.get(address), reader.get(address.replace(mark, "0" * len(mark)))
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert stale.headers["cache-control"] == "no-cache"
    assert kept.content == stale.content
    assert kept.headers["content-type"].startswith("text/javascript")


def test_a_change_of_any_file_changes_the_address_of_all(tmp_path) -> None:
    (tmp_path / "a.css").write_text("a { color: red }")
    (tmp_path / "b.js").write_text("import './c.js';")
    before = Static(tmp_path)
    (tmp_path / "a.css").write_text("a { color: blue }")
    after = Static(tmp_path)
    assert before.path("b.js") != after.path("b.js")
    assert Static(tmp_path).path("a.css") == after.path("a.css")
    with pytest.raises(NotFound, match=r"c\.js"):
        after.path("c.js")


def test_plotly_comes_out_of_its_wheel(reader: Reader) -> None:
    address = Static().path(PLOTLY)
    answer = reader.get(address)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert int(answer.headers["content-length"]) < 2_000_000
    assert len(answer.content) > 3_000_000
    assert gzip.compress(answer.content[:10])


def test_static_files_are_named_ones_only(reader: Reader) -> None:
    for name in ("..%2Fapp.py", "%2E%2E%2F%2E%2E%2Fapp.py", "__init__.py", "/etc/passwd"):
        assert reader.get(f"/static/x/{name}").status_code == 404


@pytest.mark.parametrize("wrong", ["stage", "/a//b", "//host", "/a b", "/a?b", "/a/../b\n"])
def test_a_prefix_that_is_no_path_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidInput, match="prefix"):
        check_prefix(wrong)


def test_frame_ancestors_are_origins_or_words() -> None:
    assert check_ancestors([]) == ("'self'",)
    assert check_ancestors(["self", "https://*.example.org:8443"]) == (
        "'self'",
        "https://*.example.org:8443",
    )
    for wrong in (["https://a; script-src *"], ["none", "self"], ["example.org"]):
        with pytest.raises(InvalidInput, match="ancestor"):
            check_ancestors(wrong)
