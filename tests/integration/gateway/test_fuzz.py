"""Every operation under generated requests, good and bad: no 5xx, and each answer is what the document says.

`make fuzz` runs the same with thousands of cases.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest

from deploy.local.cluster import Cluster
from tests.fixtures.api import Client, new_client
from tests.fixtures.cluster import CRON_SECRET
from tests.fixtures.operations import ALL

#: Where data that its schema does not describe is answered with 2xx: each email of a batch and each row of a
#: CSV file is judged on its own.
LENIENT = {"POST /api/send/batch", "POST /api/suppressions/import", "POST /api/lists/{list_id}/import"}

#: What has no end once it has begun; its filters are those of the log.
ENDLESS = {"GET /api/logs/stream"}

LABELS = [operation.name for operation in ALL if operation.name not in ENDLESS]


@pytest.fixture(scope="module")
def api(running: Cluster) -> Client:
    """A tenant whose emails nobody counts."""
    return new_client(running)


@pytest.fixture(scope="module")
def fuzzing() -> Any:
    """The module that makes the requests, imported where they are made."""
    return import_module("tests.integration.gateway.fuzzing")


@pytest.mark.parametrize("mode", ["good", "bad"])
@pytest.mark.parametrize("label", LABELS)
def test_answer_is_what_the_document_says(
    running: Cluster, fuzzing: Any, api: Client, label: str, mode: str
) -> None:
    secrets = {"/cron/": CRON_SECRET, "/postfix": running.environment()["MAILMATIC_POSTFIX_SECRETS"]}
    key = next((secret for part, secret in secrets.items() if part in label), api.key)
    fuzzing.try_operation(label, mode, api, key, lenient=label in LENIENT)


def test_every_operation_is_tried(fuzzing: Any) -> None:
    assert set(fuzzing.OPERATIONS) - ENDLESS == set(LABELS)
