"""Section Admin of the reference: users and their keys, and the audit log."""

import hmac
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from rootcoz.api.auth import Administrator, ServicesOf
from rootcoz.api.json_body import body_of, read_json
from rootcoz.api.openapi import NEEDS_KEY
from rootcoz.api.routes.auth import NO_STORE, shown_key
from rootcoz.api.schemas.accounts import (
    AdminUser,
    AdminUsers,
    AuditLine,
    AuditLines,
    ChangedRole,
    ChangeRoleRequest,
    CreatedUser,
    CreateUserRequest,
    DeletedUser,
    NewApiKey,
    NewApiKeyRequest,
    Revoked,
    RotatedKey,
    RotateKeyRequest,
)
from rootcoz.api.schemas.errors import error_responses
from rootcoz.api.schemas.requests import Text
from rootcoz.api.spans import span
from rootcoz.domain.account import Role
from rootcoz.domain.audit import Action, Outcome
from rootcoz.domain.errors import InvalidInput
from rootcoz.store.audit import AuditFilter

router = APIRouter(prefix="/api/admin", tags=["Admin"])

AUDIT_LIMIT = 500


@router.get("/users", responses=error_responses(403), openapi_extra=NEEDS_KEY)
async def list_users(services: ServicesOf, _who: Administrator) -> AdminUsers:
    """List tracked users: those with a key, and those who were seen. `admin` of ADMIN_KEY is not among them."""
    return AdminUsers(
        users=[
            AdminUser(
                id=one.id,
                username=one.username,
                role=one.role,
                created_at=one.created_at,
                last_seen=one.last_seen,
            )
            for one in await services.accounts.list()
        ]
    )


@router.post(
    "/users",
    responses=error_responses(400, 403, 413),
    openapi_extra={**body_of(CreateUserRequest), **NEEDS_KEY},
)
async def create_user(
    request: Request, response: Response, services: ServicesOf, who: Administrator
) -> CreatedUser:
    """Create a new admin user, or with `role` an ordinary one, and return a fresh API key."""
    body = await read_json(request, CreateUserRequest)
    issued = await services.accounts.create(body.username, _role(body.role), who.actor)
    response.headers.update(NO_STORE)
    return CreatedUser(username=issued.account.username, api_key=issued.key.secret, role=issued.account.role)


@router.delete("/users/{username}", responses=error_responses(400, 403, 404, 422), openapi_extra=NEEDS_KEY)
async def delete_user(username: Text, services: ServicesOf, who: Administrator) -> DeletedUser:
    """Delete one admin user with keys, sessions and saved tokens.

    Not oneself, and not the last stored administrator; `admin` of ADMIN_KEY is not counted as one.
    """
    deleted = await services.accounts.delete_admin(username, who.actor)
    return DeletedUser(deleted=deleted.username)


@router.put(
    "/users/{username}/role",
    responses=error_responses(400, 403, 404, 413, 422),
    response_model_exclude_unset=True,
    openapi_extra={**body_of(ChangeRoleRequest), **NEEDS_KEY},
)
async def change_role(
    username: Text, request: Request, response: Response, services: ServicesOf, who: Administrator
) -> ChangedRole:
    """Change a user's role. A promotion returns a fresh key; a demotion clears keys and sessions."""
    body = await read_json(request, ChangeRoleRequest)
    change = await services.accounts.change_role(username, _role(body.role), who.actor)
    response.headers.update(NO_STORE)
    if change.secret is None:
        return ChangedRole(username=change.account.username, role=change.account.role)
    return ChangedRole(username=change.account.username, role=change.account.role, api_key=change.secret)


@router.post(
    "/users/{username}/rotate-key",
    responses=error_responses(400, 403, 404, 413, 422),
    openapi_extra={**body_of(RotateKeyRequest, optional=True), **NEEDS_KEY},
)
async def rotate_key(
    username: Text, request: Request, response: Response, services: ServicesOf, who: Administrator
) -> RotatedKey:
    """Put a fresh key in the place of all keys of an admin user, and end the user's sessions."""
    body = await read_json(request, RotateKeyRequest, optional=True)
    admin_key = services.settings.admin_key
    if (
        body.new_key is not None
        and admin_key is not None
        and hmac.compare_digest(body.new_key.encode(), admin_key.get_secret_value().encode())
    ):
        raise InvalidInput("This key cannot be used; choose another, or leave new_key out.")
    account, secret = await services.accounts.rotate_key(username, body.new_key, who.actor)
    response.headers.update(NO_STORE)
    return RotatedKey(username=account.username, new_api_key=secret)


@router.post(
    "/users/{username}/keys",
    responses=error_responses(400, 403, 404, 409, 413, 422),
    openapi_extra=NEEDS_KEY,
)
async def issue_key(
    username: Text, body: NewApiKeyRequest, response: Response, services: ServicesOf, who: Administrator
) -> NewApiKey:
    """Make one more API key for any tracked user. It is shown this once."""
    issued = await services.accounts.issue_key(username, body.name, body.expires_at, who.actor)
    response.headers.update(NO_STORE)
    return shown_key(issued)


@router.delete(
    "/users/{username}/keys", responses=error_responses(403, 404, 409, 422), openapi_extra=NEEDS_KEY
)
async def revoke_keys(username: Text, services: ServicesOf, who: Administrator) -> Revoked:
    """Delete all keys of an ordinary user and end the user's sessions."""
    account, revoked = await services.accounts.revoke_keys(username, who.actor)
    return Revoked(username=account.username, revoked=revoked)


@router.delete(
    "/users/{username}/sessions", responses=error_responses(403, 404, 422), openapi_extra=NEEDS_KEY
)
async def revoke_sessions(username: Text, services: ServicesOf, who: Administrator) -> Revoked:
    """End all sessions of a user; the keys stay."""
    revoked = await services.sign_in.revoke_sessions(username, who.actor)
    return Revoked(username=username, revoked=revoked)


@router.delete(
    "/users/{username}/identities", responses=error_responses(400, 403, 404, 422), openapi_extra=NEEDS_KEY
)
async def remove_identities(username: Text, services: ServicesOf, who: Administrator) -> Revoked:
    """Forget which identities at the identity provider are this user's, and end the sessions begun with them.

    If the user has neither keys nor saved tokens, the name is then free for the next who comes with it.
    """
    removed = await services.accounts.remove_identities(username, who.actor)
    return Revoked(username=username, revoked=removed)


@router.get("/audit", responses=error_responses(403, 422), openapi_extra=NEEDS_KEY)
async def audit(
    services: ServicesOf,
    _who: Administrator,
    actor: Text | None = None,
    action: Action | None = None,
    target: Text | None = None,
    outcome: Outcome | None = None,
    address: Text | None = None,
    start_date: Annotated[str | None, Query(description="First date or moment, included.")] = None,
    end_date: Annotated[str | None, Query(description="Last date or moment, included.")] = None,
    before: Annotated[
        int | None, Query(ge=1, le=2**63 - 1, description="Only lines older than this one.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=AUDIT_LIMIT, description="Lines of a page.")] = 50,
) -> AuditLines:
    """Read the audit log: sign-ins, changes of roles and keys, what was done to results; the newest first.

    Lines are never changed or removed.
    """
    since, until = span(start_date, end_date)
    wanted = AuditFilter(actor, action, target, outcome, address, since, until, before)
    found = await services.audit.find(wanted, limit + 1)
    page = found[:limit]
    return AuditLines(
        entries=[
            AuditLine(
                id=line.id,
                at=line.at,
                actor=line.entry.actor,
                action=line.entry.action,
                target=line.entry.target,
                outcome=line.entry.outcome,
                address=line.entry.address,
                detail=line.entry.detail,
            )
            for line in page
        ],
        next_before=page[-1].id if len(found) > limit else None,
    )


def _role(text: str) -> Role:
    """The role of that name. Raises InvalidInput."""
    try:
        return Role(text)
    except ValueError:
        raise InvalidInput("role must be admin or user.") from None
