"""Every refusal of the REST API: its stable code, its HTTP status and its sentence, in one table.

Routes raise them, the OpenAPI document lists them; a code that is not here can do neither.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.errors import ApiError, FieldError

#: code → (status, what it means)
PROBLEMS: dict[str, tuple[int, str]] = {
    "bad_request": (400, "The request could not be understood."),
    "invalid_json": (400, "The request body is not valid JSON."),
    "invalid_idempotency_key": (400, "An idempotency key has 1 to 256 visible ASCII characters."),
    "missing_api_key": (401, "No API key was given."),
    "invalid_api_key": (401, "The API key is not valid."),
    "invalid_session": (401, "The session has ended. Sign in again."),
    "invalid_login": (401, "The address or the password is wrong."),
    "invalid_cron_secret": (401, "The secret of the cron endpoint is missing or wrong."),
    "invalid_webhook_secret": (401, "The webhook secret is missing or wrong."),
    "invalid_signature": (401, "The signature is missing or wrong."),
    "csrf_failed": (403, "What a session writes needs its CSRF token as X-CSRF-Token."),
    "session_required": (403, "This is for people who are signed in, not for API keys."),
    "registration_closed": (403, "This install takes no new accounts. Ask its operator."),
    "password_reset_disabled": (403, "This install sends no mail of its own. Ask its operator."),
    "owners_only": (403, "Only an owner of the account may make, change or remove owners."),
    "webhook_disabled": (403, "The endpoint is off: it has no secret."),
    "cron_disabled": (403, "The cron endpoint is off: MAILMATIC_CRON_SECRET is not set."),
    "insufficient_scope": (403, "The API key, or your role, has not the scope that this needs."),
    "scope_exceeded": (403, "That would give more rights than you have yourself."),
    "ip_not_allowed": (403, "The API key may not be used from this address."),
    "inactive_credential": (403, "The credential of this API key is inactive."),
    "domain_not_allowed": (403, "The sender address is not of the credential's domain."),
    "domain_not_verified": (403, "The sending domain is not verified yet."),
    "not_found": (404, "There is nothing at this address."),
    "method_not_allowed": (405, "This address does not answer to this method."),
    "domain_exists": (409, "The account has this domain already."),
    "domain_taken": (409, "Another account has verified this domain."),
    "domain_in_use": (409, "Credentials still send from this domain."),
    "rotation_pending": (409, "A new key of this domain waits already to be seen in the DNS."),
    "template_name_taken": (409, "The account has a template of this name already."),
    "list_in_use": (409, "A campaign that is scheduled or under way goes to this list, or leaves it out."),
    "tag_in_use": (409, "A campaign that is scheduled or under way goes by this tag."),
    "tag_name_taken": (409, "The account has a tag of this name already."),
    "segment_in_use": (409, "A campaign that is scheduled or under way goes by this segment."),
    "mail_under_way": (409, "An email to this person is not settled yet. Try again when it is."),
    "import_ended": (409, "The import has ended already."),
    "contact_exists": (409, "Another contact has this address."),
    "email_taken": (409, "Somebody signs in with this address already."),
    "last_owner": (409, "An account needs an owner: make somebody else one first."),
    "wrong_state": (409, "The state of the campaign does not allow this."),
    "too_many_endpoints": (409, "The account has as many webhook endpoints as it may."),
    "too_many_exports": (409, "The account has as many files of reports as it may. Delete one."),
    "export_unfinished": (409, "The file is not written to its end yet."),
    "not_scheduled": (409, "The email is not scheduled any more."),
    "idempotency_mismatch": (409, "The idempotency key was used with another request."),
    "idempotency_in_progress": (409, "The request with this idempotency key is still being executed."),
    "payload_too_large": (413, "The request body, or a part of it, is too large."),
    "attachments_too_large": (413, "The attachments are larger than those of one email may be."),
    "unsupported_media_type": (415, "The request body must be application/json in UTF-8."),
    "validation_error": (422, "The request is not valid."),
    "invalid_token": (422, "The token is wrong, was used, or is too old. Ask for another."),
    "recipient_undeliverable": (422, "The domain of a recipient receives no mail."),
    "recipient_suppressed": (422, "A recipient is on the account's suppression list."),
    "rate_limit_exceeded": (429, "More requests than are allowed in this time."),
    "internal_error": (500, "Something went wrong on our side."),
    "daily_quota_exceeded": (429, "The account has used up the recipients of this day (UTC)."),
    "monthly_quota_exceeded": (429, "The account has used up the recipients of this month (UTC)."),
    "relay_refused": (502, "The SMTP relay refused the email for good."),
    "busy": (503, "Too many are signing in at this moment."),
    "too_many_streams": (503, "Too many are watching at this moment. Ask for the state instead."),
    "sessions_unavailable": (503, "Sessions can't be looked up at the moment. API keys go on."),
    "database_unavailable": (503, "The database can't be reached at the moment."),
}


def problem(
    code: str,
    sentence: str | None = None,
    errors: Sequence[FieldError] = (),
    headers: dict[str, str] | None = None,
) -> ApiError:
    """The refusal `code`, ready to be raised.

    Args:
        sentence: what is wrong in this case, for a person; by default what the table says.
    """
    status, meaning = PROBLEMS[code]
    return ApiError(status, code, sentence or meaning, list(errors), headers or {})
