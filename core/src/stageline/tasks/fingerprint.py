"""Whether a task that runs again is still the same: a digest of its code and its params."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from types import CodeType
from typing import TYPE_CHECKING, Any

from stageline.domain.redaction import Redactor
from stageline.tasks.options import Tracking
from stageline.tasks.params import param_texts

if TYPE_CHECKING:
    from stageline.domain.redaction import SecretTexts


def call_fingerprint(
    function: Callable[..., Any] | None,
    params: Mapping[str, Any],
    *,
    secret_texts: SecretTexts | None = None,
) -> str:
    """The same text for the same code and the same arguments, as far as params show these; secrets are left out.

    >>> def train(alpha): return alpha
    >>> call_fingerprint(train, {"alpha": 0.5}) == call_fingerprint(train, {"alpha": 0.5})
    True
    >>> call_fingerprint(train, {"alpha": 0.5}) == call_fingerprint(train, {"alpha": 0.1})
    False
    """
    redactor = Redactor((), secret_texts)
    redactor.learn(params)
    texts = param_texts(params, Tracking(), redactor)
    digest = hashlib.sha256()
    for part in (*_code_parts(getattr(function, "__code__", None)), *sorted(texts.items())):
        digest.update(repr(part).encode(errors="surrogatepass"))
    return digest.hexdigest()[:32]


def _code_parts(code: CodeType | None) -> Iterator[object]:
    """What a function does; neither where it stands nor what it is called with."""
    if code is None:
        return
    yield code.co_code
    yield code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_parts(constant)
        elif isinstance(constant, frozenset):  # its order is another in each process
            yield sorted(map(repr, constant))
        else:
            yield constant
