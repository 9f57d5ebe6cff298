"""A compiled part is the same, to the octet, as one that is made of the whole body."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.sender import mime
from services.sender.pieces import blocks
from services.sender.plan import TextPlan
from services.sender.tracked import Body, Reader
from shared.tracking import Tokens, TrackingUrls, whom

READER = Reader(
    TrackingUrls("https://app.test", Tokens(["k" * 44])), whom(UUID(int=7), 0), opens=True, clicks=True
)
SOURCES = st.lists(
    st.one_of(
        st.text(alphabet="ab <>&\r\nü.", max_size=60),
        st.sampled_from(
            ["{{first_name}}", "{{metadata.plan|free}}", '<a href="https://x.test/a">', "x" * 500]
        ),
    ),
    max_size=12,
).map("".join)
VALUES = st.text(alphabet="abü\r\n\0<&", max_size=12) | st.sampled_from(["", "y" * 600])


def octets(part: mime.Part) -> tuple[list[str], bytes]:
    return part[0], b"".join(blocks(part[1]))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(source=SOURCES, name=VALUES, plan=VALUES, html=st.booleans(), tracked=st.booleans())
def test_a_part_is_the_same_as_of_the_whole_body(
    source: str, name: str, plan: str, html: bool, tracked: bool
) -> None:
    body = Body(source, html=html, template=True)
    subtype, reader = ("html" if html else "plain"), READER if tracked else None
    values = {"first_name": name, "metadata": {"plan": plan}}
    whole = mime.text_part(subtype, body.render(values, reader))
    assert octets(TextPlan(subtype, body).part(values, reader)) == octets(whole)


@pytest.mark.parametrize("length", [mime.MAX_LINE, mime.MAX_LINE + 1])
def test_a_line_that_a_value_makes_too_long_is_encoded(length: int) -> None:
    body = Body("<p>{{first_name}}", html=True, template=True)
    head, _ = TextPlan("html", body).part({"first_name": "x" * (length - 3)}, None)
    assert ("7bit" in head[1]) is (length == mime.MAX_LINE)
