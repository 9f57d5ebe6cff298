"""Messages between services: their golden JSON, and that each has exactly one consumer."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest

from shared import contracts
from shared.broker import connect_broker
from shared.contracts import CONTRACTS, Contract

ROOT = Path(__file__).parents[2]
GOLDEN = json.loads((Path(__file__).parent / "messages.json").read_text())


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_message_reads_and_writes_its_golden_json(name: str) -> None:
    golden = GOLDEN[name]
    kind = CONTRACTS[name]
    message = kind.parse(golden["payload"])
    assert json.loads(json.dumps(message.payload())) == golden["payload"]
    assert (kind.queue, kind.actor) == (golden["queue"], golden["actor"])


def test_every_contract_is_registered_and_has_golden_json() -> None:
    declared = {
        name
        for name, kind in vars(contracts).items()
        if isinstance(kind, type) and issubclass(kind, Contract) and hasattr(kind, "actor")
    }
    assert declared == set(CONTRACTS) == set(GOLDEN)


def test_each_contract_has_exactly_one_consumer_and_a_queue_that_a_worker_reads() -> None:
    broker = connect_broker()  # connects at first use, and there is none here
    for path in (ROOT / "services").glob("*/actors.py"):
        module = f"services.{path.parent.name}.actors"
        sys.modules.pop(module, None)
        importlib.import_module(module)
    assert {kind.actor for kind in CONTRACTS.values()} == set(broker.actors)
    for kind in CONTRACTS.values():
        assert broker.actors[kind.actor].queue_name == kind.queue
        assert kind.actor.split(".")[0] == kind.queue.split("-")[0]
    assert not any("." in kind.queue for kind in CONTRACTS.values())
