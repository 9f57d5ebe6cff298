"""The whole URL space on one screen: every blueprint and who may pass its door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.gateway.auth import authenticate, check_cron_secret
from services.gateway.limits import admit_visitor
from services.gateway.routes import (
    audit,
    auth,
    billing,
    campaign_archive,
    campaign_results,
    campaign_runs,
    campaigns,
    confirm,
    contacts,
    credentials,
    cron,
    docs,
    domains,
    doors,
    emails,
    events,
    exports,
    imports,
    lists,
    logs,
    members,
    people,
    report_exports,
    reports,
    segments,
    send,
    stats,
    suppressions,
    tags,
    templates,
    usage,
    users,
    validate,
    webhooks,
)

Guard = Callable[[], None]


def public() -> None:
    """Lets everybody in."""


@dataclass(frozen=True)
class Mount:
    """A blueprint and its guard, which runs before each of its views."""

    blueprint: Any
    guard: Guard


#: the API: all of it in the OpenAPI document
API = (
    Mount(send.blueprint, authenticate),  # POST /api/send
    Mount(emails.blueprint, authenticate),  # GET /api/emails; GET, PATCH, DELETE /api/emails/{id}
    Mount(logs.blueprint, authenticate),  # GET /api/logs, …/stream
    Mount(reports.blueprint, authenticate),  # GET /api/reports
    # /api/reports/exports, …/{id}, …/{id}/download
    Mount(report_exports.blueprint, authenticate),
    Mount(stats.blueprint, authenticate),  # GET /api/stats
    Mount(validate.blueprint, authenticate),  # POST /api/validate
    Mount(suppressions.blueprint, authenticate),  # /api/suppressions, …/{email}, …/import, …/export
    Mount(templates.blueprint, authenticate),  # /api/templates, …/{id}, …/{id}/preview
    Mount(lists.blueprint, authenticate),  # /api/lists, …/{id}
    # /api/lists/{id}/contacts, …/batch, …/remove, …/unsubscribe, …/{id}
    Mount(members.blueprint, authenticate),
    # POST /api/lists/{id}/import; /api/imports, …/{id}, …/{id}/cancel, …/{id}/rejected, …/{id}/stream
    Mount(imports.blueprint, authenticate),
    Mount(exports.blueprint, authenticate),  # /api/lists/{id}/export, /api/segments/{id}/export, …/jsonl
    Mount(people.blueprint, authenticate),  # /api/contacts/{id}/export, …/erase
    Mount(contacts.blueprint, authenticate),  # /api/contacts, …/{id}, …/{id}/history
    Mount(tags.blueprint, authenticate),  # /api/tags, …/{id}, …/{id}/contacts; /api/contacts/{id}/tags
    # /api/segments, …/{id}, …/{id}/contacts, …/{id}/count, …/preview
    Mount(segments.blueprint, authenticate),
    # /api/domains, …/{id}, …/{id}/verify, …/{id}/score, …/{id}/dkim/rotate
    Mount(domains.blueprint, authenticate),
    Mount(credentials.blueprint, authenticate),  # /api/credentials, …/{id}, …/{id}/rotate
    Mount(campaigns.blueprint, authenticate),  # /api/campaigns, …/{id}, …/{id}/clone, …/preview, …/test
    # POST /api/campaigns/{id}/send, …/schedule, …/pause, …/resume, …/cancel
    Mount(campaign_runs.blueprint, authenticate),
    Mount(campaign_archive.blueprint, authenticate),  # POST, DELETE /api/campaigns/{id}/archive
    # GET /api/campaigns/{id}/stream, …/stats, …/recipients, …/recipients/export
    Mount(campaign_results.blueprint, authenticate),
    Mount(usage.blueprint, authenticate),  # GET /api/usage
    Mount(billing.blueprint, authenticate),  # GET /api/billing
    # /api/webhook-endpoints, …/{id}, …/rotate-secret, …/test, …/replay, …/deliveries, …/{id}, …/replay
    Mount(webhooks.blueprint, authenticate),
    Mount(events.blueprint, authenticate),  # GET /api/events
    Mount(audit.blueprint, authenticate),  # GET /api/audit
    Mount(doors.blueprint, admit_visitor),  # POST /api/auth/register, …/login, …/password-reset, …/confirm
    Mount(auth.blueprint, authenticate),  # /api/auth/me, …/logout, …/password, …/sessions; /api/account
    Mount(users.blueprint, authenticate),  # /api/users, …/{id}
    Mount(cron.blueprint, check_cron_secret),  # GET, POST /api/cron/process-scheduled
)

#: the rest
# GET /, /docs, /docs/assets/…, /docs/guides, /docs/guides/{name}, /api/openapi.json
PAGES = (
    Mount(docs.blueprint, admit_visitor),
    Mount(confirm.blueprint, admit_visitor),  # GET, POST /api/confirm/{token}
    Mount(campaign_archive.page_blueprint, admit_visitor),  # GET /archive/{campaign id}
)

#: name of a blueprint → its guard; a blueprint that is not here answers nobody
GUARDS: dict[str, Guard] = {
    **{mount.blueprint.name: mount.guard for mount in (*API, *PAGES)},
    "health": public,  # GET /healthz, /readyz (shared.web)
}
