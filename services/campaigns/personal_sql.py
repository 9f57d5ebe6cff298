"""Templates as SQL over contacts: what a page of recipients is personalised with, without leaving
PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Text, case, cast, func, literal, null
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.templates import Template, Variable

_FIELDS = ("first_name", "last_name", "email")
#: As shared.templates has it: what would end a header's line, or a reader's idea of one.
_BREAKS = "[\x01-\x1f\x7f-\x9f\u2028\u2029]+"


def variables(names: Iterable[str], contact: FromClause) -> ColumnElement[Any]:
    """A JSON object with what templates that use `names` (dotted) need of a contact, and nothing else."""
    heads = [name.partition(".") for name in dict.fromkeys(names)]
    pairs: list[Any] = []
    for head, _, _ in heads:
        if head in (*_FIELDS, "full_name") and head not in pairs[::2]:
            pairs += [head, _field(head, contact)]
    keys = list(dict.fromkeys(rest.partition(".")[0] for head, _, rest in heads if head == "metadata"))
    if any(keys):
        inner = [item for key in keys for item in (key, contact.c.metadata[key])]
        pairs += ["metadata", _built(inner)]
    return _built(pairs)


def line(template: Template, contact: FromClause) -> ColumnElement[str]:
    """The template filled in for a header: on one line whatever the values hold."""
    if not template.variables:
        return literal(template.render_line({}), Text)
    pieces = [
        literal(piece, Text) if isinstance(piece, str) else _filled(piece, contact)
        for piece in template.pieces
    ]
    whole = func.regexp_replace(func.concat(*pieces), _BREAKS, " ", "g")
    return func.btrim(whole, " ")


def _built(pairs: list[Any]) -> ColumnElement[Any]:
    arguments = [literal(item, Text) if isinstance(item, str) else item for item in pairs]
    return func.jsonb_build_object(*arguments, type_=JSONB)


def _field(name: str, contact: FromClause) -> ColumnElement[Any]:
    if name == "full_name":
        first, last = (func.nullif(contact.c[part], "") for part in ("first_name", "last_name"))
        return func.concat_ws(" ", first, last)
    found: ColumnElement[Any] = contact.c[name]
    return found


def _filled(variable: Variable, contact: FromClause) -> ColumnElement[Any]:
    return func.coalesce(func.nullif(_value(variable, contact), ""), variable.default)


def _value(variable: Variable, contact: FromClause) -> ColumnElement[Any]:
    head, *rest = variable.path
    if head in (*_FIELDS, "full_name") and not rest:
        return _field(head, contact)
    if head != "metadata" or not rest:
        return cast(null(), Text)
    path = cast(literal(rest, ARRAY(Text)), ARRAY(Text))
    found = contact.c.metadata.op("#>")(path)
    scalar = func.jsonb_typeof(found).in_(("string", "number", "boolean"))
    return case((scalar, contact.c.metadata.op("#>>")(path)), else_=None)
