"""Mail, handed in at a real server."""

import asyncio
import email
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from tests.support.announcements import NASTY, NASTY_TEXT, PLAIN, message
from tests.support.certificates import Authority

from rootcoz.domain.errors import OutsideError, Refused, Unavailable
from rootcoz.domain.notification import Channel, ChannelKind
from rootcoz.notify.base import MailServer
from rootcoz.notify.mail import MailSender, mail

CHANNEL = Channel("team", ChannelKind.EMAIL, to=("a@example.com", "b@example.com"))


class Postbox:
    """What a mail server took, and what it says to recipients and mail."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.says: dict[str, str] = {}

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: object, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.says:
            return self.says[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: object, envelope: Envelope) -> str:  # noqa: N802 - as above
        if "data" in self.says:
            return self.says["data"]
        self.taken.append(envelope)
        return "250 OK"

    @property
    def letters(self) -> list[EmailMessage]:
        return [
            email.message_from_bytes(bytes(one.content or b""), policy=default)  # type: ignore[arg-type]  # content may be text
            for one in self.taken
        ]


@asynccontextmanager
async def listening(make: Callable[[], SMTP], tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of the server."""
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


def authenticate(_server: object, _session: object, _envelope: object, _how: str, data: Any) -> AuthResult:  # noqa: ANN401 - the library's own
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"bot", b"right")
    return AuthResult(success=right, handled=False)


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Authority:
    made = Authority()
    made.trusted_by(monkeypatch, tmp_path)
    return made


def server_at(port: int, *, host: str = "127.0.0.1", **fields: str) -> MailServer:
    return MailServer(host, port, "bot@rootcoz.example.com", **{"security": "none", **fields})


async def test_mail_is_handed_in_over_starttls_by_a_user(postbox: Postbox, authority: Authority) -> None:
    context = authority.server("localhost")

    def server() -> SMTP:
        return SMTP(
            postbox,
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=authenticate,
            hostname="localhost",
        )

    async with listening(server) as port:
        there = server_at(port, host="localhost", security="starttls", user="bot", password="right")  # noqa: S106 - of nobody
        await MailSender(CHANNEL, there).send(message())
        wrong = server_at(port, host="localhost", security="starttls", user="bot", password="not-right")  # noqa: S106 - as above
        with pytest.raises(Refused) as raised:
            await MailSender(CHANNEL, wrong).send(message())
    (envelope,), (letter,) = postbox.taken, postbox.letters

    assert envelope.rcpt_tos == ["a@example.com", "b@example.com"]
    assert envelope.mail_from == letter["From"] == "bot@rootcoz.example.com"
    assert letter["Subject"] == "[rootcoz] 1 new failure group in nightly #7"
    assert letter["Message-ID"] == f"<{message().delivery_id}@rootcoz.example.com>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert "SMTP_USER" in str(raised.value)
    assert "not-right" not in str(raised.value)


async def test_mail_is_handed_in_over_tls_from_the_beginning(postbox: Postbox, authority: Authority) -> None:
    async with listening(lambda: SMTP(postbox, hostname="localhost"), authority.server("localhost")) as port:
        await MailSender(CHANNEL, server_at(port, host="localhost", security="tls")).send(message())

    assert len(postbox.taken) == 1


async def test_a_server_nobody_vouches_for_gets_no_mail(postbox: Postbox) -> None:
    stranger = Authority().server("localhost")
    async with listening(lambda: SMTP(postbox, hostname="localhost"), stranger) as port:
        with pytest.raises(Unavailable, match="certificate that is not trusted"):
            await MailSender(CHANNEL, server_at(port, host="localhost", security="tls")).send(message())

    assert postbox.taken == []


async def test_a_server_without_starttls_gets_no_mail(postbox: Postbox) -> None:
    async with listening(lambda: SMTP(postbox, hostname="localhost")) as port:
        with pytest.raises(OutsideError, match="SMTP_SECURITY"):
            await MailSender(CHANNEL, server_at(port, security="starttls")).send(message())

    assert postbox.taken == []


@pytest.mark.parametrize(
    ("says", "error", "words"),
    [
        ({"data": "554 spam: secret"}, Refused, "refused the mail (SMTP 554)"),
        ({"data": "451 later"}, Unavailable, "does not take the mail now (SMTP 451)"),
        ({"a@example.com": "550 who?", "b@example.com": "550 who?"}, Refused, "for any of these addresses"),
        ({"a@example.com": "450 grey", "b@example.com": "550 who?"}, Unavailable, "for these addresses now"),
    ],
)
async def test_an_answer_says_whether_to_try_again(
    postbox: Postbox, says: dict[str, str], error: type[OutsideError], words: str
) -> None:
    postbox.says = says
    async with listening(lambda: SMTP(postbox, hostname="localhost")) as port:
        with pytest.raises(error) as raised:
            await MailSender(CHANNEL, server_at(port)).send(message())

    assert words in str(raised.value)
    assert "secret" not in str(raised.value)


async def test_one_wrong_recipient_does_not_keep_the_mail_from_the_other(postbox: Postbox) -> None:
    postbox.says = {"a@example.com": "550 who?"}
    async with listening(lambda: SMTP(postbox, hostname="localhost")) as port:
        await MailSender(CHANNEL, server_at(port)).send(message())

    assert [one.rcpt_tos for one in postbox.taken] == [["b@example.com"]]


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unavailable, match="cannot be reached"):
        await MailSender(CHANNEL, server_at(port)).send(message())


async def test_both_bodies_say_the_same(postbox: Postbox) -> None:
    async with listening(lambda: SMTP(postbox, hostname="localhost")) as port:
        await MailSender(CHANNEL, server_at(port)).send(message())
    (letter,) = postbox.letters
    text, page = [letter.get_body((kind,)) for kind in ("plain", "html")]
    assert text is not None
    assert page is not None

    assert text.get_content().splitlines() == [
        "1 new failure group in nightly #7",
        "",
        "2 failures in 1 group: 1 PRODUCT BUG.",
        "",
        "* PRODUCT BUG: tests.test_login.test_it (2 failures)",
        "  The server answers 500.",
        "",
        "… and 3 more",
        "",
        "https://rootcoz.example.com/results/job-1",
    ]
    assert '<a href="https://rootcoz.example.com/results/job-1">Open the report</a>' in page.get_content()
    assert (
        "<code>tests.test_login.test_it</code> (2 failures)<br>The server answers 500." in page.get_content()
    )


def test_what_is_told_is_text_in_the_page_and_no_header() -> None:
    letter = mail(message(NASTY), CHANNEL.to, "bot@example.com")
    page = letter.get_body(("html",))
    assert page is not None

    assert "<script" not in page.get_content()
    assert 'x="' not in page.get_content()
    assert NASTY_TEXT[:50] in letter["Subject"]
    assert {name.lower() for name in letter} >= {"subject", "from", "to", "date", "message-id"}
    assert PLAIN.title not in letter.as_string()
