"""The syntax of MLflow's filters and orderings: text to clauses, with no knowledge of what can be searched.

`stageline.domain.query` gives the clauses their meaning, and says where this syntax differs from MLflow's.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from lark import Lark, Token, Transformer, UnexpectedInput

from stageline.errors import InvalidInput

# MLflow reads filters with an SQL lexer, and some of that lexer's habits are part of the language by now:
# - in a bare key, no part is one of six SQL words, or starts with two digits or a number such as 1e5 or 0xf (PART);
# - text is what stands between its quotes, unchanged: a quote inside it is doubled or follows a backslash, and both
#   characters stay. Whoever has one kind of quote to write uses the other around it.
_GRAMMAR = r"""
filter: _ands? (_clause (_ands _clause)* _ands?)?
_ands: _AND+
_clause: comparison | membership | presence
comparison: identifier OPERATOR (NUMBER | _string)
membership: identifier (IN | NOT_IN) "(" _string ("," _string)* ","? ")"
presence: identifier (IS_NULL | IS_NOT_NULL)
ordering: identifier DIRECTION?
identifier: ENTITY (BARE_KEY | SINGLE_QUOTED | DOUBLE_QUOTED | BACKTICKED) | NAME | DOUBLE_QUOTED | BACKTICKED
_string: SINGLE_QUOTED | DOUBLE_QUOTED

_AND.3: /and\b/i
ENTITY.2: /(?:[^\W\d]\w*|`[^\W\d]\w*`)\.(?=\S)/
NAME: /[^\W\d]\w*(?![\w.])/
BARE_KEY: /PART(?:(?:\.|::)PART)*/i
SINGLE_QUOTED: /'(?:[\\]'|''|[^'])*'/
DOUBLE_QUOTED: /"(?:[\\]"|""|[^"])*"/
BACKTICKED: /`(?:``|[^`])*`/
OPERATOR: /[<>=~!]+|(?:not\s+)?(?:like|ilike|rlike)\b/i
IN: /in\b/i
NOT_IN: /not\s+in\b/i
IS_NULL: /is\s+null\b/i
IS_NOT_NULL: /is\s+not null\b/i
NUMBER: /-?\d+(?:\.\d+)?e-?\d+|-?(?:\d+\.\d*|\.\d+|\d+)(?!\w)/i
DIRECTION: /(?:asc|desc)\b/i
%ignore /\s+/
""".replace(
    "PART", r"(?!(?:as|case|from|in|using|values)\b)(?:[^\W\d]\w*|\d(?!e-?\d|x[\da-f])[^\W\d]\w*)"
)

_EXPECTED = {
    "_AND": "AND",
    "ENTITY": "a comparison such as metrics.accuracy > 0.9",
    "BARE_KEY": "a key, in quotes or backticks unless it is a plain word",
    "OPERATOR": "an operator (= != < <= > >= LIKE ILIKE)",
    "IN": "IN (...)",
    "NUMBER": "a number",
    "SINGLE_QUOTED": "text in quotes",
    "LPAR": "'('",
    "COMMA": "','",
    "RPAR": "')'",
    "DIRECTION": "ASC or DESC",
    "$END": "the end of the text",
}


class Identifier(NamedTuple):
    """`entity.key` as it was written, without the quotes of the key; no entity is None."""

    entity: str | None
    key: str
    position: int


class Clause(NamedTuple):
    """One comparison as it was written, its operator in capitals with single spaces."""

    identifier: Identifier
    operator: str
    value: str | int | float | tuple[str, ...] | None


class Ordering(NamedTuple):
    """One item of an order_by."""

    identifier: Identifier
    ascending: bool


def read_filter(text: str) -> tuple[Clause, ...]:
    """The clauses of a filter, in their order. Raises `InvalidInput` where it is not one."""
    return _read("filter", text, title="Invalid clause(s) in filter string")  # type: ignore[no-any-return]


def read_ordering(text: str) -> Ordering:
    """One item of an order_by. Raises `InvalidInput` where it is not one."""
    title = f"Invalid order_by clause {text!r}"
    if text != text.strip():
        raise InvalidInput(f"{title}: expected no spaces around it.")
    return _read("ordering", text, title=title)  # type: ignore[no-any-return]


def _read(start: str, text: str, *, title: str) -> Any:  # what `_Syntax` returns for `start`
    try:
        return _parser(start).parse(text)
    except UnexpectedInput as error:
        raise _refusal(error, text, title) from None  # lark's own words are about tokens


@cache
def _parser(start: str) -> Lark:
    return Lark(
        _GRAMMAR, start=start, parser="lalr", transformer=_Syntax(), maybe_placeholders=False
    )


class _Syntax(Transformer[Token, Any]):
    """Called by the parser as it reduces each rule: no tree is built."""

    def identifier(self, tokens: list[Token]) -> Identifier:
        *entity, key = tokens
        name = str(key) if key.type in ("NAME", "BARE_KEY") else key[1:-1]
        return Identifier(entity[0][:-1] if entity else None, name, _position(tokens[0]))

    def comparison(self, parts: list[Any]) -> Clause:
        identifier, operator, value = parts
        return Clause(
            identifier, _words(operator), _number(value) if value.type == "NUMBER" else value[1:-1]
        )

    def membership(self, parts: list[Any]) -> Clause:
        identifier, operator, *values = parts
        return Clause(identifier, _words(operator), tuple(value[1:-1] for value in values))

    def presence(self, parts: list[Any]) -> Clause:
        identifier, operator = parts
        return Clause(identifier, _words(operator), None)

    def filter(self, clauses: list[Clause]) -> tuple[Clause, ...]:
        return tuple(clauses)

    def ordering(self, parts: list[Any]) -> Ordering:
        identifier, *direction = parts
        return Ordering(identifier, ascending=not direction or direction[0].lower() == "asc")


def _words(operator: str) -> str:
    return " ".join(operator.upper().split())


def _number(text: str) -> int | float:
    # Beyond 18 digits an int fits no store's column, and a long one is slow to read.
    return int(text) if len(text) <= 18 and text.lstrip("-").isdecimal() else float(text)


def _position(token: Token) -> int:
    return token.start_pos or 0


def _refusal(error: UnexpectedInput, text: str, title: str) -> InvalidInput:
    token = getattr(error, "token", None)
    is_end = token is not None and token.type == "$END"
    position = len(text) if is_end else getattr(error, "pos_in_stream", 0)
    expected = getattr(error, "accepts", None) or getattr(error, "allowed", None) or set()
    wanted = " or ".join(words for name, words in _EXPECTED.items() if name in expected)
    rest = text[position:].strip()
    found = f"{rest[:60]!r}" if rest else "the end of the text"
    return InvalidInput(f"{title}: {found} at position {position}. Expected {wanted}.")
