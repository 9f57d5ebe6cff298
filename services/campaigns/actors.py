"""What the campaigns worker does with a nudge: a campaign's steps, one transaction each, while there is
one.
"""

from __future__ import annotations

import threading
from uuid import UUID

from services.campaigns import exports, imports
from services.campaigns.progress import step
from shared.broker import consumes
from shared.contracts import LoadContacts, WorkOnCampaigns, WriteExport
from shared.db import transaction

#: Set when the worker is told to stop: the step under way is finished, the next is another worker's.
stopping = threading.Event()


@consumes(WorkOnCampaigns)
def work_on_campaigns(message: WorkOnCampaigns) -> None:
    """Every step that can be taken now; what must wait is nudged again by the scheduler."""
    for id in message.ids:
        go_on = True
        while go_on and not stopping.is_set():
            with transaction() as tx:
                go_on = step(tx, UUID(id))


@consumes(LoadContacts)
def load_contacts(message: LoadContacts) -> None:
    """A file of contacts, step by step."""
    imports.work_on(UUID(message.import_id), stopping)


@consumes(WriteExport)
def write_export(message: WriteExport) -> None:
    """A report as a file, step by step."""
    exports.work_on(UUID(message.export_id), stopping)
