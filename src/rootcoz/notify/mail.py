"""Mail over SMTP, as text and as HTML."""

import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from html import escape

import aiosmtplib

from rootcoz.domain.errors import Refused, Unavailable
from rootcoz.domain.notification import Announcement, Channel, Event, Message
from rootcoz.domain.verdicts import counted
from rootcoz.notify.base import MailServer

TIMEOUT_S = 30.0
SUBJECT_LIMIT = 150
_TRY_LATER = range(400, 500)
"""Replies of a mail server that say: not now (RFC 5321, section 4.2.1)."""


class MailSender:
    """Hands mail in at the operator's server."""

    def __init__(self, channel: Channel, server: MailServer) -> None:
        self._channel = channel
        self._server = server
        self._source = f"channel {channel.name}"

    async def send(self, message: Message) -> None:
        """See notify.base.Sender. Recipients that the server refuses while it takes others are left out."""
        server = self._server
        try:
            await aiosmtplib.send(
                mail(message, self._channel.to, server.sender),
                hostname=server.host,
                port=server.port,
                username=server.user or None,
                password=server.password or None,
                use_tls=server.security == "tls",
                start_tls=server.security == "starttls",
                tls_context=ssl.create_default_context() if server.security != "none" else None,
                timeout=TIMEOUT_S,
            )
        except aiosmtplib.SMTPAuthenticationError:
            # Without its cause, here and below: the server's words may repeat what was sent.
            raise self._refused("did not accept SMTP_USER and SMTP_PASSWORD") from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            if any(one.code in _TRY_LATER for one in error.recipients):
                raise self._unavailable("takes no mail for these addresses now") from None
            raise self._refused("takes no mail for any of these addresses") from None
        except aiosmtplib.SMTPResponseException as error:
            if error.code in _TRY_LATER:
                raise self._unavailable(f"does not take the mail now (SMTP {error.code})") from None
            raise self._refused(f"refused the mail (SMTP {error.code})") from None
        except aiosmtplib.SMTPTimeoutError:
            raise self._unavailable(f"did not answer within {TIMEOUT_S:g} seconds") from None
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
            raise self._unavailable(_trouble(error)) from None

    def _unavailable(self, what: str) -> Unavailable:
        return Unavailable(f"{self._who} {what}.", source=self._source)

    def _refused(self, what: str) -> Refused:
        return Refused(f"{self._who} {what}.", source=self._source)

    @property
    def _who(self) -> str:
        return f"The mail server {self._server.host} of channel {self._channel.name}"


def _trouble(error: BaseException | None) -> str:
    seen = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return f"has a certificate that is not trusted ({seen.verify_message})"
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, aiosmtplib.SMTPException) and "STARTTLS" in str(error):
        return "offers no STARTTLS: set SMTP_SECURITY"
    return (
        "cannot be reached"
        if isinstance(error, aiosmtplib.SMTPConnectError | OSError)
        else "broke off the connection"
    )


def mail(message: Message, to: tuple[str, ...], sender: str) -> EmailMessage:
    """The mail; the same in each attempt but for its date."""
    said = message.announcement
    letter = EmailMessage(policy=SMTP_POLICY)
    letter["Subject"] = f"[rootcoz] {said.title}"[:SUBJECT_LIMIT]
    letter["From"] = sender
    letter["To"] = ", ".join(to)
    letter["Date"] = format_datetime(datetime.now(UTC))
    domain = sender.rpartition("@")[2].rstrip("> ") or "rootcoz.invalid"
    letter["Message-ID"] = f"<{message.delivery_id}@{domain}>"
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
    letter["X-Rootcoz-Delivery"] = message.delivery_id
    letter.set_content(mail_text(said))
    letter.add_alternative(mail_html(said), subtype="html")
    return letter


def mail_text(said: Announcement) -> str:
    """The message for readers without HTML."""
    lines = [said.title]
    if said.text:
        lines += ["", said.text]
    for group in said.groups:
        kind = group.classification or "no verdict"
        lines += ["", f"* {kind}: {group.test_name or '(no name)'} ({counted(group.failures, 'failure')})"]
        lines += [f"  {group.cause}"] if group.cause else []
    if said.more_groups:
        lines += ["", f"… and {said.more_groups} more"]
    if said.issue_url and said.event is Event.REOPENED:
        lines += ["", f"{said.issue_key}: {said.issue_url}"]
    if said.link:
        lines += ["", said.link]
    return "\n".join(lines) + "\n"


def mail_html(said: Announcement) -> str:
    """The message as a page without anything that is fetched."""
    parts = [f"<h2>{escape(said.title)}</h2>"]
    if said.text:
        parts.append(f"<p>{escape(said.text)}</p>")
    if said.groups:
        parts.append("<ul>")
        for group in said.groups:
            kind = escape(group.classification or "no verdict")
            name = escape(group.test_name or "(no name)")
            cause = f"<br>{escape(group.cause)}" if group.cause else ""
            count = counted(group.failures, "failure")
            parts.append(f"<li><b>{kind}</b> <code>{name}</code> ({count}){cause}</li>")
        parts.append("</ul>")
    if said.more_groups:
        parts.append(f"<p>… and {said.more_groups} more</p>")
    if said.issue_url and said.event is Event.REOPENED:
        parts.append(f'<p><a href="{escape(said.issue_url)}">{escape(said.issue_key)}</a></p>')
    if said.link:
        parts.append(f'<p><a href="{escape(said.link)}">Open the report</a></p>')
    page = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"></head><body>\n{page}\n</body></html>\n'
