"""flask-smorest's Blueprint with our arguments, typed decorators, and refusals documented by their codes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import flask_smorest

from services.gateway.auth import require
from services.gateway.errors import PROBLEMS, problem
from services.gateway.routes.once import PARAMETERS, REFUSES, Content, once
from services.gateway.routes.waiting import PARAMETER
from services.gateway.schemas import Schema
from services.gateway.schemas.body import Arguments
from services.gateway.schemas.errors import ErrorSchema
from services.gateway.schemas.examples import answer_example
from services.gateway.schemas.examples import body_example as example_of_body
from services.gateway.scopes import ANY, sufficient

View = TypeVar("View", bound=Callable[..., Any])

#: The security schemes (openapi.py) that say who is asking, and the one that is for people alone.
KEY_SCHEMES = ("bearer", "apiKey", "session")
SESSION = "session"

#: What any operation can answer, and what any behind an API key can.
_ALWAYS = ("internal_error", "database_unavailable")
_WITH_KEY = (
    "missing_api_key",
    "invalid_api_key",
    "inactive_credential",
    "insufficient_scope",
    "ip_not_allowed",
    "rate_limit_exceeded",
)
_WITH_SESSION = ("invalid_session", "csrf_failed", "sessions_unavailable")
_WITH_FILE = ("bad_request", "payload_too_large", "unsupported_media_type", "validation_error")
_WITH_BODY = ("invalid_json", "payload_too_large", "unsupported_media_type", "validation_error")


@dataclass(frozen=True)
class Media:
    """An answer that is not JSON: its media type and what it may look like."""

    content_type: str
    example: str


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc] # the library has no types
    """A noun's routes."""

    ARGUMENTS_PARSER = Arguments()

    def __init__(self, *args: Any, scope: str | None = None, guide: str | None = None, **kwargs: Any) -> None:
        """Like flask-smorest's.

        Args:
            scope: what its operations are about, where they don't say otherwise (scopes.py).
            guide: which of docs/guides explains its operations, where they don't say otherwise.
        """
        super().__init__(*args, **kwargs)
        self.scope = scope
        self.guide = guide

    def operation(
        self,
        rule: str,
        method: str,
        *,
        answers: tuple[int, type[Schema] | Media | None],
        accepts: dict[str, Any] | None = None,
        body: type[Schema] | None = None,
        query: type[Schema] | None = None,
        refuses: tuple[str, ...] = (),
        example: dict[str, Any] | None = None,
        body_example: dict[str, Any] | None = None,
        scope: str | None = None,
        guide: str | None = None,
        scheme: str | None = None,
        open_to_all: bool = False,
        idempotent: Content | None = None,
        waits: type[Schema] | None = None,
        at_once: type[Schema] | None = None,
        files: tuple[Media, ...] = (),
    ) -> Callable[[View], View]:
        """Makes a view one operation of the API: its route, its schemas and its entry in OpenAPI.

        Args:
            answers: status and schema (or media) of success; None where there is no body.
            accepts: media type → OpenAPI media object, for a body that the view reads itself.
            example, body_example: of the answer and the body; by default made of the fields' examples.
            refuses: codes of `PROBLEMS`, besides those that every operation of its kind has.
            scope: what it is about, if not what its blueprint is (scopes.py): who asks needs this scope, or
                another that is enough.
            guide: which of docs/guides explains it, if not its blueprint's.
            scheme: the one security scheme (openapi.py) of an operation that takes no API key.
            open_to_all: needs none.
            idempotent: takes an idempotency key; says what of a request must be the same under the same key,
                `read_json` for a JSON body. The view says `keep` (once.py) in its transaction.
            at_once: what it answers with 200 where all is done by then.
            files: other forms of the answer, where they are asked for.
            waits: honours `Prefer: wait`, and answers 200 with this schema if there is an outcome in time.
        """
        scope = None if scheme or open_to_all else scope or self.scope
        if not (scope or scheme or open_to_all):
            raise TypeError(f"{method} {rule} has no scope (services/gateway/scopes.py)")
        enough = sufficient(scope, method) if scope else ()
        codes = (
            *_ALWAYS,
            *((*_WITH_KEY, *_WITH_SESSION) if scope or scheme == SESSION else ()),
            *(("session_required",) if scheme == SESSION else ()),
            *(_WITH_BODY if body else _WITH_FILE if accepts else ()),
            *(("validation_error",) if query else ()),
            *(REFUSES if idempotent else ()),
            *refuses,
        )
        parameters = [*(PARAMETERS if idempotent else ()), *([PARAMETER] if waits else ())]
        guide = guide or self.guide
        about: dict[str, Any] = {
            **({"externalDocs": {"url": f"/docs/guides/{guide}"}} if guide else {}),
            "security": _security(scope, scheme),
            **({"x-scopes": list(enough)} if enough else {}),
        }

        def decorate(view: View) -> View:
            wrapped: Any = view
            if body:
                # an instance, not the class: webargs would build the schema anew for every request
                wrapped = self.arguments(
                    body(),
                    location="json",
                    required=not getattr(body, "may_be_missing", False),
                    example=body_example or example_of_body(body),
                )(wrapped)
            if query:
                wrapped = self.arguments(query(), location="query")(wrapped)
            if idempotent:
                wrapped = once(wrapped, idempotent)
            if parameters:
                wrapped = self.doc(parameters=parameters)(wrapped)
            better = waits or at_once
            if better:
                wrapped = self.alt_response(200, schema=better, example=answer_example(better))(wrapped)
            wrapped = self._answers(*answers, example)(wrapped)
            if files:
                wrapped = self.doc(responses={str(answers[0]): _forms(answers[1], files)})(wrapped)
            if accepts:
                wrapped = self.doc(requestBody={"required": True, "content": accepts})(wrapped)
            wrapped = self.doc(operationId=_camel(view.__name__), responses=refusals(codes), **about)(wrapped)
            self.route(rule, methods=[method])(_behind(enough, wrapped) if enough else wrapped)
            return cast(View, wrapped)

        return decorate

    def _answers(self, status: int, form: type[Schema] | Media | None, example: dict[str, Any] | None) -> Any:
        if form is None:
            return self.response(status)
        if isinstance(form, Media):
            text = {"type": "string"}
            return self.response(status, text, content_type=form.content_type, example=form.example)
        return self.response(status, form, example=example or answer_example(form))


def _forms(form: Any, files: tuple[Media, ...]) -> dict[str, Any]:
    """An answer in one form or another."""
    content: dict[str, Any] = {}
    if not isinstance(form, Media):
        content["application/json"] = {"schema": form, "example": answer_example(form)}
    for media in (form, *files) if isinstance(form, Media) else files:
        content[media.content_type] = {"schema": {"type": "string"}, "example": media.example}
    return {"description": "OK", "content": content}


def _security(scope: str | None, scheme: str | None) -> list[dict[str, list[str]]]:
    if scheme:
        return [{scheme: []}]
    if scope == ANY:
        return [{name: []} for name in KEY_SCHEMES]
    return [{name: [scope]} for name in KEY_SCHEMES] if scope else []


def _behind(scopes: tuple[str, ...], view: Any) -> Any:
    """`view` for those only who have one of `scopes`; asked before the body is read."""

    @functools.wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        require(scopes)
        return view(*args, **kwargs)

    return guarded


def refusals(codes: tuple[str, ...]) -> dict[str, Any]:
    """The responses that `codes` of `PROBLEMS` come in, by status."""
    return {str(status): _refusal(names) for status, names in _by_status(codes).items()}


def _by_status(codes: tuple[str, ...]) -> dict[int, list[str]]:
    grouped: dict[int, list[str]] = {}
    for code in sorted(dict.fromkeys(codes), key=lambda code: PROBLEMS[code][0]):
        grouped.setdefault(PROBLEMS[code][0], []).append(code)
    return grouped


def _refusal(codes: list[str]) -> dict[str, Any]:
    return {
        "description": " ".join(f"`{code}`: {PROBLEMS[code][1]}" for code in codes),
        "content": {
            "application/json": {
                "schema": ErrorSchema,
                "examples": {code: {"value": problem(code).body("0197a3c0-5c1e")} for code in codes},
            }
        },
    }


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)
