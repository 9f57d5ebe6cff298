"""Every operation under generated requests, good and bad: no 5xx, and each answer is what the document says.

`make fuzz` runs the same with thousands of cases.
"""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from deploy.local.cluster import Cluster
from services.gateway.app import create_app
from services.gateway.openapi import document
from tests.fixtures.api import Client, new_client
from tests.fixtures.cluster import CRON_SECRET

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]

#: Where data that its schema does not describe is answered with 2xx: each email of a batch and each row of a
#: CSV file is judged on its own.
LENIENT = {"POST /api/send/batch", "POST /api/suppressions/import"}

#: Cases for each operation and mode: a share of what the profile asks for, as there are many of them.
CASES = settings.default.max_examples // 10

SCHEMA = schemathesis.openapi.from_dict(document(create_app()))
# an address of kilobytes is refused by the edge before anybody looks at what is wrong with it
SCHEMA.config.checks.negative_data_rejection.expected_statuses += ["414"]
OPERATIONS = {item.ok().label: item.ok() for item in SCHEMA.get_all_operations()}


@pytest.fixture(scope="module")
def api(running: Cluster) -> Client:
    """A tenant whose emails nobody counts."""
    return new_client(running)


def plausible(case: Case, api: Client) -> Case:
    """The case, sent as whom the key allows where it could be: else nearly all of them would be 403."""
    case.headers.pop("Prefer", None)  # waiting is not what is tried here
    if isinstance(case.body, dict) and "@" in str(case.body.get("from")):
        case.body["from"] = api.sender
    return case


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["good", "bad"])
@pytest.mark.parametrize("label", OPERATIONS)
def test_answer_is_what_the_document_says(api: Client, label: str, mode: GenerationMode) -> None:
    operation = OPERATIONS[label]
    key = CRON_SECRET if "/cron/" in label else api.key

    checks = [check for check in CHECKS if check is not negative_data_rejection or label not in LENIENT]

    @settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Case) -> None:
        headers: dict[str, Any] = {"Authorization": f"Bearer {key}"}
        plausible(case, api).call_and_validate(base_url=api.url, headers=headers, checks=checks)

    run()
