"""What sections Auth and Admin refuse; one server for all of it."""

import itertools

import pytest
from tests.support.in_process import ADMIN_KEY, Api

pytestmark = pytest.mark.asyncio(loop_scope="module")

numbers = itertools.count(1)


async def created(api: Api, role: str) -> tuple[str, str]:
    """A new user's name and key."""
    username = f"user-{next(numbers)}"
    reply = await api.bearer(ADMIN_KEY).post("/api/admin/users", json={"username": username, "role": role})
    assert reply.status_code == 200, reply.text
    return username, str(reply.json()["api_key"])


def elsewhere(api: Api) -> Api:
    """Somebody at an address of their own, which no limit has heard of."""
    return api.visitor(f"198.51.100.{next(numbers)}")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b'"text"',
        b"{}",
        b'{"username": "admin"}',
        b'{"username": "admin", "api_key": 7}',
        b'{"username": ["admin"], "api_key": "k"}',
        b'{"username": " ", "api_key": "k"}',
        b'{"username": "admin", "api_key": null}',
        b'{"username": "\\ud800", "api_key": "k"}',
    ],
)
async def test_a_login_that_makes_no_sense_is_400_with_a_sentence_and_no_python_in_it(
    api: Api, body: bytes
) -> None:
    reply = await elsewhere(api).post("/api/auth/login", content=body)

    assert reply.status_code == 400
    detail = reply.json()["detail"]
    assert isinstance(detail, str)
    assert not any(word in detail for word in ("attribute", "object has", "int'", "Traceback"))


@pytest.mark.parametrize(
    ("username", "key"),
    [
        ("admin", "wrong"),
        ("Admin", ADMIN_KEY),
        ("ADMIN", ADMIN_KEY),
        ("alice", ADMIN_KEY),
        ("admin", "schlüssel-für-das-haus"),
        ("admin", "\u0000"),
        ("nobody", "rootcoz_" + "x" * 43),
    ],
)
async def test_a_wrong_name_or_key_is_401(api: Api, username: str, key: str) -> None:
    reply = await elsewhere(api).post("/api/auth/login", json={"username": username, "api_key": key})

    assert reply.status_code == 401
    assert reply.headers.get_list("set-cookie") == []


@pytest.mark.parametrize("key", [b"schl\xc3\xbcssel", b"\xff\xfe", b"x" * 5000, b""])
async def test_a_key_of_odd_bytes_is_nobody_s(api: Api, key: bytes) -> None:
    visitor = api.visitor()
    headers = {"Authorization": b"Bearer " + key}
    me = await visitor.get("/api/auth/me", headers=headers)
    tokens = await visitor.get("/api/user/tokens", headers=headers)
    users = await visitor.get("/api/admin/users", headers=headers)

    assert (me.status_code, me.json()["username"]) == (200, "")
    assert (tokens.status_code, users.status_code) == (401, 403)


@pytest.mark.parametrize("name", ["admin", "Admin", "%41dmin", "%EF%BD%81dmin"])
async def test_a_plain_cookie_is_never_admin(api: Api, name: str) -> None:
    reply = await api.visitor(Cookie=f"rootcoz_username={name}").get("/api/auth/me")

    assert reply.json() == {"username": "", "role": "user", "is_admin": False, "signed_in": False}


@pytest.mark.parametrize(
    "path", ["/api/admin/users", "/api/admin/no-such-thing", "/api/admin", "/api/admin/"]
)
async def test_everything_below_admin_is_403_before_anything_else(api: Api, path: str) -> None:
    _, key = await created(api, "user")
    codes = []
    for visitor in (api.visitor(), api.bearer(key)):
        codes.append((await visitor.client.get(path)).status_code)
        codes.append((await visitor.client.post(path, content=b"no json")).status_code)

    assert codes == [403] * 4


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": ""},
        {"username": "a"},
        {"username": "-ab"},
        {"username": "a b"},
        {"username": "Admin"},
        {"username": 17},
        {"username": None},
        {"username": "fine", "role": "king"},
        ["fine"],
    ],
)
async def test_a_user_who_cannot_be_is_400_in_words_of_ours(api: Api, body: object) -> None:
    reply = await api.bearer(ADMIN_KEY).post("/api/admin/users", json=body)

    assert reply.status_code == 400
    assert "attribute" not in reply.json()["detail"]


async def test_a_name_that_is_taken_is_400_in_words_of_ours(api: Api) -> None:
    username, _ = await created(api, "user")
    reply = await api.bearer(ADMIN_KEY).post("/api/admin/users", json={"username": username.upper()})

    assert reply.status_code == 400
    assert not any(word in reply.json()["detail"] for word in ("UNIQUE", "sqlite", "INSERT"))


@pytest.mark.parametrize(
    ("username", "body", "status"),
    [
        ("", {"role": "user"}, 400),  # it is that already
        ("", {"role": "king"}, 400),
        ("", {"role": 1}, 400),
        ("", {}, 400),
        ("admin", {"role": "user"}, 400),
        ("Admin", {"role": "user"}, 400),
        ("nobody", {"role": "admin"}, 404),
    ],
)
async def test_a_role_that_cannot_change_says_why(api: Api, username: str, body: object, status: int) -> None:
    name = username or (await created(api, "user"))[0]
    reply = await api.bearer(ADMIN_KEY).put(f"/api/admin/users/{name}/role", json=body)

    assert reply.status_code == status
    assert reply.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"new_key": "fifteen-letters"}, 400),
        ({"new_key": ""}, 400),
        ({"new_key": 1234567890123456}, 400),
        ({"new_key": ["x" * 16]}, 400),
        ({"new_key": "ein-schlüssel-für-alle"}, 400),
        ({"new_key": "with blanks in between"}, 400),
        ({"new_key": "x" * 201}, 400),
        ({"new_key": ADMIN_KEY}, 400),
        ([], 400),
        ({"new_key": None}, 200),
        ({}, 200),
    ],
)
async def test_only_a_key_that_can_be_used_is_taken(api: Api, body: object, status: int) -> None:
    username, old = await created(api, "admin")
    reply = await api.bearer(ADMIN_KEY).post(f"/api/admin/users/{username}/rotate-key", json=body)
    me = (await api.bearer(old).get("/api/auth/me")).json()

    assert reply.status_code == status
    assert me["signed_in"] is (status == 400)


async def test_the_key_of_another_user_is_not_taken(api: Api) -> None:
    (one, _), (other, _) = await created(api, "admin"), await created(api, "admin")
    replies = [
        await api.bearer(ADMIN_KEY).post(
            f"/api/admin/users/{name}/rotate-key", json={"new_key": "the-key-of-another"}
        )
        for name in (one, other)
    ]

    assert [reply.status_code for reply in replies] == [200, 400]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, 400),
        ({"name": "x", "expires_at": "soon"}, 422),
        ({"name": ""}, 422),
        ({"name": "a\nb"}, 400),
        ({}, 422),
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(api: Api, body: object, status: int) -> None:
    alice = api.bearer((await created(api, "user"))[1])

    assert (await alice.post("/api/user/keys", json=body)).status_code == status


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"jira_token": 5}', b'{"github_token": null}'])
async def test_tokens_that_make_no_sense_are_400(api: Api, body: bytes) -> None:
    alice = api.bearer((await created(api, "user"))[1])
    reply = await alice.put("/api/user/tokens", content=body)

    assert reply.status_code == 400
    assert isinstance(reply.json()["detail"], str)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/api/admin/users/a%00b"),
        ("PUT", "/api/admin/users/a%00b/role"),
        ("POST", "/api/admin/users/a%00b/rotate-key"),
        ("DELETE", "/api/admin/users/a%00b/sessions"),
        ("DELETE", "/api/user/keys/%00"),
        ("DELETE", "/api/auth/sessions/%00"),
        ("DELETE", "/api/user/tokens/%00"),
        ("GET", "/api/admin/audit?actor=%00"),
        ("GET", "/api/admin/token-usage?ai_model=%00"),
        ("GET", "/api/admin/token-usage/%00"),
    ],
)
async def test_what_no_database_can_hold_is_422(api: Api, method: str, path: str) -> None:
    reply = await api.bearer(ADMIN_KEY).request(method, path, json={"role": "user"})

    assert reply.status_code == 422
