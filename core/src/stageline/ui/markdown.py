"""Markdown that users stored, as HTML that does no harm: raw HTML is shown as text, and what is left is cleaned."""

from __future__ import annotations

from functools import cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

TAGS = {
    "p", "br", "hr", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong", "s",
    "a", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
"""No images: a page asks no other host for anything. No first heading: the page has one, so each is a level lower."""


def rendered(text: str) -> Markup:
    """The text as HTML.

    >>> rendered("**sure** <script>alert(1)</script>")
    Markup('<p><strong>sure</strong> &lt;script&gt;alert(1)&lt;/script&gt;</p>\\n')
    """
    # The only place where stored text becomes markup: nh3 has the last word.
    parser = _parser()
    tokens = parser.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):  # below the page's own
            token.tag = f"h{min(int(token.tag[1:]) + 1, 6)}"
    return Markup(
        nh3.clean(
            parser.renderer.render(tokens, parser.options, {}),
            tags=TAGS,
            attributes={"a": {"href", "title"}},
            url_schemes={"http", "https", "mailto"},
            link_rel="noopener noreferrer nofollow",
        )
    )


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
