"""What pages of the registry find in addresses and forms, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.errors import InvalidInput, NotAllowed

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.registry.registry import Registry
    from stageline.ui.page import Page


def number_in(text: str, what: str) -> int:
    """A number out of an address or a form. Raises `InvalidInput`."""
    is_number = text.isascii() and text.isdecimal() and len(text) < 10
    if not is_number or int(text) < 1:
        raise InvalidInput(f"Invalid {what} {text[:50]!r}: expected a number from 1")
    return int(text)


def field(page: Page, name: str) -> str:
    """One line of a form, without the blanks around it; empty if it is not there."""
    return str(page.form.get(name, "")).strip()


def acting(page: Page, reason: str = "") -> Registry:
    """The registry, where each entry says that the reader did it, and why."""
    registry = page.workspace.registry
    return registry.acting(page.actor, reason=reason) if reason else registry.acting(page.actor)


def check_may_ask(page: Page, model: str) -> None:
    """Raise `NotAllowed` unless the reader may ask that versions of the model are moved."""
    if not (page.may("write", model=model) or page.may("promote", model=model)):
        raise _not_allowed(page, "write", model)


def check_may_move(page: Page, model: str) -> None:
    """Raise `NotAllowed` unless the reader may move versions of the model, or answer who asks for that."""
    if not page.may("promote", model=model):
        raise _not_allowed(page, "promote", model)


def _not_allowed(page: Page, right: str, model: str) -> NotAllowed:
    return NotAllowed(
        f"{page.actor} has no right to {right} model {model}: ask whoever runs this server for it"
    )


def back_to(page: Page, path: str, notice: str) -> Response:
    """To the page of a model or version, whose name may have a question mark that begins no query."""
    answer = page.redirect("/models", notice=notice)
    answer.headers["location"] = page.url(path)
    return answer


def tag_of(page: Page) -> tuple[str, str]:
    """A tag as a form gives it. Raises `InvalidInput`."""
    key = field(page, "key")
    if not key:
        raise InvalidInput("Invalid tag: expected a key, such as `reviewed`")
    return key, field(page, "value")
