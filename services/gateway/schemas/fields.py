"""Field types of our own: addresses, header maps, bodies and times."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from marshmallow import ValidationError, fields

from services.gateway import header_rules
from services.gateway.errors import problem
from shared.addresses import Address, AddressError, check_name, has_controls, parse_address
from shared.clock import iso, now, parse_moment
from shared.errors import FieldError
from shared.event_feed import Position
from shared.settings import settings

_NOT_TEXT = "Not a string."


class Mailbox(fields.Field[Address]):
    """One address: `ada@example.com` or `Ada <ada@example.com>`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Address:
        return _parse(value)


class Mailboxes(fields.Field[list[Address]]):
    """One address or an array of them; a fault names its place in the array."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> list[Address]:
        if not isinstance(value, list):
            return [_parse(value)]
        if len(value) > settings().max_recipients:
            raise ValidationError(f"More than {settings().max_recipients} addresses.")
        found: list[Address] = []
        wrong: dict[int, list[str]] = {}
        for index, item in enumerate(value):
            try:
                found.append(_parse(item))
            except ValidationError as error:
                wrong[index] = [str(message) for message in error.messages]
        if wrong:
            raise ValidationError(wrong)
        return found


class Line(fields.String):
    """Text on one line: no line breaks or other control characters."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if has_controls(text, allow="\t"):
            raise ValidationError("Can't contain line breaks or other control characters.")
        return text


class Prose(fields.String):
    """Text of any number of lines, without other control characters."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if has_controls(text, allow="\t\r\n"):
            raise ValidationError("Can't contain control characters.")
        return text


class DisplayName(fields.String):
    """A person's or sender's name."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return check_name(super()._deserialize(value, attr, data, **kwargs))
        except AddressError as error:
            raise ValidationError(str(error)) from None


class Body(fields.String):
    """The HTML or text of an email; 413 when it is too large."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        limit = settings().max_body_bytes
        # encoding costs a copy: only where the characters alone don't decide
        if len(text) > limit or (len(text) * 4 > limit and len(text.encode()) > limit):
            raise problem(
                "payload_too_large",
                f"{attr} is larger than {limit} bytes.",
                [FieldError(f"/{attr}", f"At most {limit} bytes of UTF-8.")],
            )
        return text


class Headers(fields.Field[list[tuple[str, str]]]):
    """Custom headers: an object of strings; a fault names its header."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> list[tuple[str, str]]:
        if not isinstance(value, Mapping):
            raise ValidationError("Not an object.")
        if len(value) > header_rules.MAX_HEADERS:
            raise ValidationError(f"More than {header_rules.MAX_HEADERS} headers.")
        wrong: dict[str, list[str]] = {}
        seen: set[str] = set()
        for name, content in value.items():
            fault = header_rules.name_fault(name) or header_rules.value_fault(content)
            if not fault and name.lower() in seen:
                fault = f"{name} is given twice, in different spellings."
            if fault:
                wrong[name] = [fault]
            seen.add(name.lower())
        if wrong:
            raise ValidationError(wrong)
        return [(name, content.strip()) for name, content in value.items()]


class Moment(fields.Field[datetime]):
    """A time in an answer: ISO 8601, UTC."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **_: Any) -> str | None:
        return None if value is None else iso(value)


class FutureMoment(fields.Field[datetime]):
    """A time in the future."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> datetime:
        if not isinstance(value, str):
            raise ValidationError(_NOT_TEXT)
        try:
            moment = parse_moment(value)
        except ValueError as error:
            raise ValidationError(str(error)) from None
        if moment <= now():
            raise ValidationError("Must be in the future.")
        return moment


class Bound(fields.Field[date]):
    """Where a time that is asked about begins or ends: a day (`2026-06-01`) or a moment; `at` says when."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> date:
        if not isinstance(value, str):
            raise ValidationError(_NOT_TEXT)
        try:
            found = date.fromisoformat(value) if len(value) == len("2026-06-01") else parse_moment(value)
        except ValueError:
            raise ValidationError("Neither a day, like 2026-06-01, nor a moment in ISO 8601.") from None
        if not 1970 < found.year < 9000:
            raise ValidationError("There was no mail then.")
        return found

    @staticmethod
    def at(bound: date, zone: tzinfo = UTC) -> datetime:
        """The moment of a bound; a day is its midnight in `zone`."""
        return bound if isinstance(bound, datetime) else datetime.combine(bound, time(), zone)


class SendAt(FutureMoment):
    """When to send: a time in the future, not further ahead than the settings allow."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        moment = super()._deserialize(value, attr, data, **kwargs)
        horizon = timedelta(seconds=settings().schedule_horizon_seconds)
        if moment - now() > horizon:
            raise ValidationError(f"Must be within the next {horizon / timedelta(days=1):g} days.")
        return moment


def _parse(value: Any) -> Address:
    if not isinstance(value, str):
        raise ValidationError(_NOT_TEXT)
    try:
        return parse_address(value)
    except AddressError as error:
        raise ValidationError(str(error)) from None


class After(fields.String):
    """A position in the feed."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        try:
            return Position.parse(super()._deserialize(value, attr, data, **kwargs))
        except ValueError:
            raise ValidationError("Not a `next` of this feed.") from None
