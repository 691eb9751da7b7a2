"""Users, their roles, their keys and the credentials they save.

One stored administrator always stays. The administrator of ADMIN_KEY is not counted among them: that one exists only
as long as the setting does. The last stored administrator's key can be rotated.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rootcoz.domain.account import ADMIN, Account, Actor, Role, checked_username, is_reserved, name_key
from rootcoz.domain.audit import Action, AuditEntry
from rootcoz.domain.errors import Conflict, InvalidInput, NotAllowed, NotFound
from rootcoz.kit.clock import utc_text
from rootcoz.kit.sealed import Seal
from rootcoz.store import accounts as accounts_store
from rootcoz.store import audit as audit_store
from rootcoz.store import identities as identities_store
from rootcoz.store import sessions as sessions_store
from rootcoz.store import user_tokens as tokens_store
from rootcoz.store.accounts import KeyTaken, NameTaken, NewKey, StoredKey
from rootcoz.store.engine import Database

TOKEN_NAMES = ("github_token", "jira_email", "jira_token")
"""Credentials for trackers that a user can save."""
TOKEN_LIMIT = 4000
"""Characters of one of them."""
KEYS_LIMIT = 50
"""Keys of one user."""
SHORTEST_CHOSEN_KEY = 16
LONGEST_CHOSEN_KEY = 200
KEY_NAME_LIMIT = 100
KEY_PREFIX = "rootcoz_"

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key that has just been made; its secret is shown this once."""

    account: Account
    key: NewKey
    created_at: str


@dataclass(frozen=True, slots=True)
class RoleChange:
    """What became of a user."""

    account: Account
    secret: str | None
    """The new administrator's key; None after a demotion."""


class Accounts:
    """Users and what belongs to them. Every change is in the audit log, in the same transaction."""

    def __init__(self, database: Database, seal: Seal, clock: Clock = _now) -> None:
        self._database = database
        self._seal = seal
        self._clock = clock

    async def list(self) -> Sequence[Account]:
        """All stored users."""
        async with self._database.read() as connection:
            return await accounts_store.list_accounts(connection)

    async def ensure(self, username: str) -> None:
        """Make the user, whom somebody trusted has named, a stored one. Raises NotFound for `admin`."""
        if is_reserved(username):
            raise NotFound(_NO_ACCOUNT)
        async with self._database.write() as connection:
            if await accounts_store.find_account(connection, username) is None:
                await accounts_store.add_seen(connection, username, self._text(), limit=None)

    async def create(self, username: str, role: Role, actor: Actor) -> IssuedKey:
        """A new user with a key. Raises InvalidInput."""
        name, key, now = checked_username(username), _random_key("first key"), self._text()
        async with self._database.write() as connection:
            try:
                account_id = await accounts_store.add_account(connection, name, role, now)
            except NameTaken:
                raise InvalidInput(
                    f"There is a user {name} already; to make that user an administrator, change the role."
                ) from None
            await accounts_store.add_key(connection, account_id, key, self._seal, now)
            await audit_store.record(
                connection,
                AuditEntry(Action.USER_CREATED, actor.name, actor.address, target=name, detail=role),
            )
        return IssuedKey(Account(account_id, name, role, now, None), key, now)

    async def delete_admin(self, username: str, actor: Actor) -> Account:
        """Delete an administrator with all that is theirs. Raises InvalidInput, NotFound, NotAllowed."""
        async with self._database.write() as connection:
            admins = await accounts_store.lock_admins(connection)
            _check_still_admin(actor, admins)
            _check_not_oneself(actor, username, "You cannot delete yourself; another administrator can.")
            account = _among(admins, username)
            if account is None:
                raise NotFound(f"There is no administrator {username}.")
            _check_not_last(admins, account, "delete")
            await accounts_store.delete_account(connection, account.id)
            await audit_store.record(
                connection,
                AuditEntry(Action.USER_DELETED, actor.name, actor.address, target=account.username),
            )
        return account

    async def change_role(self, username: str, role: Role, actor: Actor) -> RoleChange:
        """Promote or demote a user. A demotion takes keys and sessions away.

        Raises InvalidInput, NotFound, NotAllowed.
        """
        key, now = _random_key("administrator's key"), self._text()
        async with self._database.write() as connection:
            admins = await accounts_store.lock_admins(connection)
            _check_still_admin(actor, admins)
            if is_reserved(username):
                raise InvalidInput("The role of admin, the administrator of ADMIN_KEY, cannot be changed.")
            _check_not_oneself(actor, username, "You cannot change your own role; another administrator can.")
            account = await accounts_store.find_account(connection, username, lock=True)
            if account is None:
                raise NotFound(f"There is no user {username}.")
            if account.role is role:
                raise InvalidInput(f"{account.username} has the role {role} already.")
            if role is Role.USER:
                _check_not_last(admins, account, "demote")
                await accounts_store.delete_keys(connection, account.id)
                await identities_store.delete_linked(connection, account.id)
                await sessions_store.delete_sessions_of(connection, account.id)
            else:
                await accounts_store.add_key(connection, account.id, key, self._seal, now)
            await accounts_store.set_role(connection, account.id, role)
            await audit_store.record(
                connection,
                AuditEntry(
                    Action.ROLE_CHANGED,
                    actor.name,
                    actor.address,
                    target=account.username,
                    detail=f"{account.role} to {role}",
                ),
            )
        changed = Account(account.id, account.username, role, account.created_at, account.last_seen)
        return RoleChange(changed, key.secret if role is Role.ADMIN else None)

    async def rotate_key(self, username: str, chosen: str | None, actor: Actor) -> tuple[Account, str]:
        """Put one new key in the place of all keys of an administrator, and end the sessions.

        All of them, because who held the old key may have made others with it. Raises InvalidInput, NotFound.
        """
        key = _random_key("rotated key") if chosen is None else _chosen_key(chosen)
        async with self._database.write() as connection:
            account = await accounts_store.find_account(connection, username, lock=True)
            if account is None or account.role is not Role.ADMIN:
                raise NotFound(f"There is no administrator {username}.")
            await accounts_store.delete_keys(connection, account.id)
            await identities_store.delete_linked(connection, account.id)
            await sessions_store.delete_sessions_of(connection, account.id)
            try:
                await accounts_store.add_key(connection, account.id, key, self._seal, self._text())
            except KeyTaken:
                raise InvalidInput("This key cannot be used; choose another, or leave new_key out.") from None
            await audit_store.record(
                connection,
                AuditEntry(Action.KEY_ROTATED, actor.name, actor.address, target=account.username),
            )
        return account, key.secret

    async def keys(self, account_id: int) -> Sequence[StoredKey]:
        """A user's keys, without their secrets."""
        async with self._database.read() as connection:
            return await accounts_store.list_keys(connection, account_id)

    async def issue_key(
        self, username: str, name: str, expires_at: datetime | None, actor: Actor
    ) -> IssuedKey:
        """One more key for a user. Raises InvalidInput, NotFound, Conflict."""
        name = name.strip()
        if not name or len(name) > KEY_NAME_LIMIT or not name.isprintable():
            raise InvalidInput(f"The name of a key is a text of 1 to {KEY_NAME_LIMIT} printable characters.")
        now = self._clock()
        if expires_at is not None and expires_at <= now:
            raise InvalidInput("expires_at must lie in the future.")
        key = _random_key(name, None if expires_at is None else utc_text(expires_at))
        async with self._database.write() as connection:
            account = await accounts_store.find_account(connection, username, lock=True)
            if account is None:
                raise NotFound(f"There is no user {username}.")
            if len(await accounts_store.list_keys(connection, account.id)) >= KEYS_LIMIT:
                raise Conflict(f"{account.username} has {KEYS_LIMIT} keys; delete one first.")
            await accounts_store.add_key(connection, account.id, key, self._seal, utc_text(now))
            await audit_store.record(
                connection,
                AuditEntry(
                    Action.KEY_CREATED, actor.name, actor.address, target=account.username, detail=name
                ),
            )
        return IssuedKey(account, key, utc_text(now))

    async def revoke_key(self, username: str, key_id: str, actor: Actor) -> None:
        """Delete one of one's own keys, with the sessions begun with it. Raises NotFound, Conflict."""
        async with self._database.write() as connection:
            account = await accounts_store.find_account(connection, username, lock=True)
            keys = [] if account is None else await accounts_store.list_keys(connection, account.id)
            key = next((one for one in keys if one.id == key_id), None)
            if account is None or key is None:
                raise NotFound("There is no such key of yours.")
            lasting = [one for one in keys if one.expires_at is None and one.id != key_id]
            if account.role is Role.ADMIN and not lasting:
                raise Conflict(
                    "An administrator keeps at least one key that does not expire: make another one first, "
                    "or have this one rotated."
                )
            await accounts_store.delete_keys(connection, account.id, [key_id])
            await audit_store.record(
                connection,
                AuditEntry(
                    Action.KEY_REVOKED, actor.name, actor.address, target=account.username, detail=key.name
                ),
            )

    async def revoke_keys(self, username: str, actor: Actor) -> tuple[Account, int]:
        """Delete all keys of a user who is no administrator, and end the sessions. Raises NotFound, Conflict."""
        async with self._database.write() as connection:
            account = await accounts_store.find_account(connection, username, lock=True)
            if account is None:
                raise NotFound(f"There is no user {username}.")
            if account.role is Role.ADMIN:
                raise Conflict(
                    f"{account.username} is an administrator: rotate the key, or change the role first."
                )
            revoked = await accounts_store.delete_keys(connection, account.id)
            await identities_store.delete_linked(connection, account.id)
            await sessions_store.delete_sessions_of(connection, account.id)
            await audit_store.record(
                connection,
                AuditEntry(
                    Action.KEY_REVOKED,
                    actor.name,
                    actor.address,
                    target=account.username,
                    detail=f"all {revoked} keys",
                ),
            )
        return account, revoked

    async def remove_identities(self, username: str, actor: Actor) -> int:
        """Forget a user's identities and end the sessions begun with them; how many there were. Raises NotFound."""
        async with self._database.write() as connection:
            account = await accounts_store.find_account(connection, username, lock=True)
            if account is None:
                raise NotFound(f"There is no user {username}.")
            removed = await identities_store.delete_identities(connection, account.id)
            await audit_store.record(
                connection,
                AuditEntry(
                    Action.IDENTITIES_REMOVED,
                    actor.name,
                    actor.address,
                    target=account.username,
                    detail=f"{removed} identities",
                ),
            )
        return removed

    async def tokens(self, account_id: int | None) -> Mapping[str, str]:
        """The saved credentials for trackers by name; an empty text for what is not saved or cannot be read."""
        none = dict.fromkeys(TOKEN_NAMES, "")
        if account_id is None:
            return none
        async with self._database.read() as connection:
            return none | await tokens_store.load_tokens(connection, account_id, self._seal)

    async def save_tokens(self, username: str, tokens: Mapping[str, str], actor: Actor) -> None:
        """Keep those of the credentials that are not blank; the others stay as they are.

        Raises NotFound for who is not a stored user, as the administrator of ADMIN_KEY is not, and InvalidInput.
        """
        wanted = {name: value.strip() for name, value in tokens.items() if value.strip()}
        for name, value in wanted.items():
            if len(value) > TOKEN_LIMIT or not value.isprintable():
                raise InvalidInput(f"{name} must be at most {TOKEN_LIMIT} printable characters.")
        now = self._text()
        async with self._database.write() as connection:
            account = await accounts_store.find_account(connection, username)
            if account is None:
                raise NotFound(_NO_ACCOUNT if is_reserved(username) else f"There is no user {username}.")
            for name, value in wanted.items():
                await tokens_store.save_token(connection, account.id, name, value, self._seal, now)
            if wanted:
                await audit_store.record(
                    connection,
                    AuditEntry(
                        Action.TOKENS_CHANGED,
                        actor.name,
                        actor.address,
                        target=username,
                        detail="saved " + ", ".join(wanted),
                    ),
                )

    async def clear_token(self, username: str, name: str, actor: Actor) -> None:
        """Forget a saved credential; harmless when there is none. Raises NotFound."""
        if name not in TOKEN_NAMES:
            raise NotFound(f"There is no saved credential of that name; there are {', '.join(TOKEN_NAMES)}.")
        async with self._database.write() as connection:
            account = await accounts_store.find_account(connection, username)
            if account is None:
                raise NotFound(_NO_ACCOUNT)
            if await tokens_store.delete_token(connection, account.id, name):
                await audit_store.record(
                    connection,
                    AuditEntry(
                        Action.TOKENS_CHANGED,
                        actor.name,
                        actor.address,
                        target=username,
                        detail=f"cleared {name}",
                    ),
                )

    async def has_usable_admin(self) -> bool:
        """Whether a stored administrator holds a valid key."""
        async with self._database.read() as connection:
            return await accounts_store.has_admin_with_key(connection, self._text())

    def _text(self) -> str:
        return utc_text(self._clock())


_NO_ACCOUNT = (
    f"{ADMIN}, the administrator of ADMIN_KEY, is no stored user and saves nothing: sign in as another one."
)


def _random_key(name: str, expires_at: str | None = None) -> NewKey:
    return NewKey(
        id=secrets.token_hex(16),
        name=name,
        secret=KEY_PREFIX + secrets.token_urlsafe(32),
        generated=True,
        expires_at=expires_at,
    )


def _chosen_key(secret: str) -> NewKey:
    """A key that a person chose. Raises InvalidInput."""
    if len(secret) < SHORTEST_CHOSEN_KEY:
        raise InvalidInput(f"new_key must have at least {SHORTEST_CHOSEN_KEY} characters.")
    if len(secret) > LONGEST_CHOSEN_KEY or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise InvalidInput(
            f"new_key must be at most {LONGEST_CHOSEN_KEY} printable ASCII characters without blanks, so that it "
            "fits into a header."
        )
    return NewKey(id=secrets.token_hex(16), name="chosen key", secret=secret, generated=False)


def _among(accounts: Sequence[Account], username: str) -> Account | None:
    return next((one for one in accounts if name_key(one.username) == name_key(username)), None)


def _check_still_admin(actor: Actor, admins: Sequence[Account]) -> None:
    """Two administrators may demote each other at the same moment: the later one is none any more."""
    if actor.is_granted:
        return
    if actor.account_id is not None and all(one.id != actor.account_id for one in admins):
        raise NotAllowed("You are no administrator any more.")


def _check_not_oneself(actor: Actor, username: str, message: str) -> None:
    if name_key(actor.name) == name_key(username):
        raise InvalidInput(message)


def _check_not_last(admins: Sequence[Account], account: Account, verb: str) -> None:
    if [one.id for one in admins] == [account.id]:
        raise InvalidInput(
            f"{account.username} is the last stored administrator; make another user an administrator before you "
            f"{verb} this one. (The administrator of ADMIN_KEY is not counted. To shut the holder of a key out, "
            "rotate it.)"
        )
