"""Section Auth of the reference: signing in and out, one's own sessions, keys and saved tokens."""

from fastapi import APIRouter, Request, Response

from rootcoz.api.auth import SESSION_COOKIE, Anyone, Proven, Requester, ServicesOf
from rootcoz.api.cookies import clear_both, set_session, set_username
from rootcoz.api.json_body import body_of, read_json
from rootcoz.api.openapi import NEEDS_PROOF
from rootcoz.api.schemas.accounts import (
    ApiKey,
    ApiKeys,
    Done,
    LoginRequest,
    Me,
    NewApiKey,
    NewApiKeyRequest,
    Session,
    Sessions,
    User,
    UserTokens,
    UserTokensUpdate,
)
from rootcoz.api.schemas.errors import error_responses
from rootcoz.api.schemas.requests import Text
from rootcoz.domain.account import Proof
from rootcoz.features.accounts import IssuedKey
from rootcoz.wiring import Services

router = APIRouter(tags=["Auth"])

NO_STORE = {"Cache-Control": "no-store"}
"""For replies with secrets in them."""


@router.post(
    "/api/auth/login",
    responses=error_responses(400, 401, 403, 413, 429),
    openapi_extra=body_of(LoginRequest),
)
async def login(request: Request, response: Response, services: ServicesOf, who: Anyone) -> User:
    """Authenticate a username/API-key pair and begin a session, which the reply sets as a cookie.

    A session lasts 8 hours; used in its second half, it begins anew. Ten wrong attempts within five minutes close the
    door for five minutes, to their address and to the user name.
    """
    body = await read_json(request, LoginRequest)
    signed_in = await services.sign_in.sign_in(
        body.username.strip(),
        body.api_key.strip(),
        address=who.address,
        user_agent=request.headers.get("user-agent", ""),
    )
    set_session(response, services.settings, signed_in.token, signed_in.lasts_s)
    set_username(response, services.settings, signed_in.identity.name)
    response.headers.update(NO_STORE)
    identity = signed_in.identity
    return User(username=identity.name, role=identity.role, is_admin=identity.role == "admin")


@router.post("/api/auth/logout", responses=error_responses(403))
async def logout(request: Request, response: Response, services: ServicesOf, who: Anyone) -> Done:
    """Clear the active session. Harmless without one."""
    token = request.cookies.get(SESSION_COOKIE)
    if token:
        await services.sign_in.sign_out(token, who.actor)
    clear_both(response, services.settings)
    return Done()


@router.get("/api/auth/me")
async def me(response: Response, who: Anyone) -> Me:
    """Return the user this request comes from. Never fails; without a user the name is empty."""
    response.headers.update(NO_STORE)
    return Me(
        username=who.name,
        role=who.role,
        is_admin=who.is_admin,
        signed_in=who.proof is not Proof.NONE,
    )


@router.get("/api/auth/sessions", responses=error_responses(401), openapi_extra=NEEDS_PROOF)
async def list_sessions(services: ServicesOf, who: Proven) -> Sessions:
    """List one's own sessions."""
    return Sessions(
        sessions=[
            Session(
                id=one.id,
                current=one.id == who.session_id,
                address=one.address,
                user_agent=one.user_agent,
                created_at=one.created_at,
                renewed_at=one.renewed_at,
                expires_at=one.expires_at,
            )
            for one in await services.sign_in.sessions(who.name)
        ]
    )


@router.delete(
    "/api/auth/sessions/{session_id}",
    responses=error_responses(401, 403, 404, 422),
    openapi_extra=NEEDS_PROOF,
)
async def end_session(session_id: Text, services: ServicesOf, who: Proven) -> Done:
    """End one of one's own sessions, for example that of a lost computer."""
    await services.sign_in.revoke_session(session_id, who.actor)
    return Done()


@router.get("/api/user/tokens", responses=error_responses(401), openapi_extra=NEEDS_PROOF)
async def get_tokens(response: Response, services: ServicesOf, who: Proven) -> UserTokens:
    """Return one's own saved GitHub and Jira credentials, empty where nothing is saved.

    What cannot be decrypted, because ROOTCOZ_ENCRYPTION_KEY has changed, is empty too.
    """
    response.headers.update(NO_STORE)
    return UserTokens.model_validate(await services.accounts.tokens(who.account_id))


@router.put(
    "/api/user/tokens",
    responses=error_responses(400, 401, 403, 404, 413),
    openapi_extra={**body_of(UserTokensUpdate), **NEEDS_PROOF},
)
async def save_tokens(request: Request, services: ServicesOf, who: Proven) -> Done:
    """Save one's own tracker credentials. Omitted and blank fields leave what is saved unchanged.

    The administrator of ADMIN_KEY is no stored user and gets 404.
    """
    body = await read_json(request, UserTokensUpdate)
    await _ensure_stored(services, who)
    await services.accounts.save_tokens(who.name, body.model_dump(), who.actor)
    return Done()


@router.delete(
    "/api/user/tokens/{name}", responses=error_responses(401, 403, 404, 422), openapi_extra=NEEDS_PROOF
)
async def clear_token(name: Text, services: ServicesOf, who: Proven) -> Done:
    """Forget one saved credential: github_token, jira_email or jira_token."""
    await services.accounts.clear_token(who.name, name, who.actor)
    return Done()


@router.get("/api/user/keys", responses=error_responses(401), openapi_extra=NEEDS_PROOF)
async def list_keys(services: ServicesOf, who: Proven) -> ApiKeys:
    """List one's own API keys. The keys themselves are not shown again."""
    keys = [] if who.account_id is None else await services.accounts.keys(who.account_id)
    return ApiKeys(
        keys=[
            ApiKey(
                id=key.id,
                name=key.name,
                prefix=key.prefix,
                created_at=key.created_at,
                last_used=key.last_used,
                expires_at=key.expires_at,
            )
            for key in keys
        ]
    )


@router.post(
    "/api/user/keys", responses=error_responses(400, 401, 403, 404, 409, 413, 422), openapi_extra=NEEDS_PROOF
)
async def make_key(
    body: NewApiKeyRequest, response: Response, services: ServicesOf, who: Proven
) -> NewApiKey:
    """Make one more API key for oneself, for example for a script. It is shown this once.

    The administrator of ADMIN_KEY is no stored user and gets 404.
    """
    await _ensure_stored(services, who)
    issued = await services.accounts.issue_key(who.name, body.name, body.expires_at, who.actor)
    response.headers.update(NO_STORE)
    return shown_key(issued)


@router.delete(
    "/api/user/keys/{key_id}",
    responses=error_responses(401, 403, 404, 409, 422),
    openapi_extra=NEEDS_PROOF,
)
async def revoke_key(key_id: Text, services: ServicesOf, who: Proven) -> Done:
    """Delete one of one's own API keys, with the sessions that were begun with it."""
    await services.accounts.revoke_key(who.name, key_id, who.actor)
    return Done()


def shown_key(issued: IssuedKey) -> NewApiKey:
    """A key that has just been made, as its owner sees it this once."""
    key = issued.key
    return NewApiKey(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        created_at=issued.created_at,
        last_used=None,
        expires_at=key.expires_at,
        username=issued.account.username,
        api_key=key.secret,
    )


async def _ensure_stored(services: Services, who: Requester) -> None:
    """Whom a trusted proxy names may never have been here before."""
    if who.account_id is None:
        await services.accounts.ensure(who.name)
