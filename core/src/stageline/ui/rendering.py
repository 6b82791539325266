"""Templates made into pages: the names that each of them sees."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import jinja2
import msgspec
from markupsafe import Markup

from stageline.ui.forgery import CSRF_FIELD
from stageline.ui.formats import FILTERS, time_element
from stageline.ui.inbox import Inbox

if TYPE_CHECKING:
    from stageline.ui.static import Static
    from stageline.ui.visit import Visit
    from stageline.workspace import Workspace

TEMPLATES = Path(__file__).with_name("templates")
_FIELD = Markup('<input type="hidden" name="{}" value="{}">')


class Rendering:
    """The templates over one workspace. Safe from many threads."""

    def __init__(self, workspace: Workspace, static: Static, *, is_framed: bool = False) -> None:
        self._is_framed = is_framed
        self._static = static
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(FILTERS)
        self._templates.filters["ago"] = lambda ms: time_element(ms, workspace.clock.now_ms())
        self._templates.policies["json.dumps_function"] = _json
        self._templates.policies["json.dumps_kwargs"] = {}

    def text(self, page: Visit, template: str, names: dict[str, Any]) -> str:
        """The page. A template that is imported sees these names only `with context`."""
        return self._templates.get_template(template).render(
            page=page,
            is_framed=self._is_framed,
            url=page.url,
            url_with=page.url_with,
            static=lambda name: page.prefix + self._static.path(name),
            csrf_field=lambda: _FIELD.format(CSRF_FIELD, page.csrf_token),
            open_requests=lambda: _open_requests(page),
            notice=unquote(page.request.cookies.get("notice", "")),
            **names,
        )


def _open_requests(page: Visit) -> int:
    """How many requests wait, of those that the reader may see."""
    models = page.kept(Inbox).models() or []
    return sum(page.may("read", model=name) for name in models)


def _json(data: Any) -> str:
    # Unlike the standard library's it writes no NaN, which is no JSON.
    return msgspec.json.encode(data).decode()
