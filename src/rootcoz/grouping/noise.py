"""What changes from run to run in a line of text, as a named and ordered list of rules.

Enters: one line of an error message or a stack trace. Leaves: the line with its noise replaced by placeholders.
`signature.py` calls it; `RULES` is the whole truth about what counts as noise and what does not.

How a line is read: all rules are joined into one expression, and the regex engine reads the line once with it. Noise
starts at the start of a word or with one of the signs / @ # $ -, so the expression begins with one character that is no
letter or digit and is skipped to at full speed; the character behind it selects the rules that can start there, and a
rule's `needs` is looked at before the rule. They are tried in the order of `RULES`; the first that matches decides, and
reading goes on behind its match. A rule with an empty placeholder *protects*: it keeps its match as it stands, so that
no later rule touches it.

All ids and numbers share one placeholder: a digest can by chance consist of digits only, and must then still
equal its brothers.
"""

import re
import string
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Protocol

ID = "<id>"
TIME = "<time>"
ADDRESS = "<addr>"
QUANTITY = "<quantity>"
TEMPORARY = "<tmp>"
WORKSPACE = "<workspace>"
KEEP = ""

CHUNK = 2_000
"""Characters that are read in one go. Longer lines are cut at spaces, so that no single pattern runs for long."""

_HEX = "0123456789abcdefABCDEF"
_DIGITS = "0123456789"
_LETTERS = string.ascii_letters
_NAME_SIGNS = "bcdfghjklmnpqrstvwxz2456789"
"""The alphabet of Kubernetes' generated name suffixes (k8s.io/apimachinery, util/rand): no vowels, no 0, 1, 3."""
_HASH_SIGNS = "bcdf456789"
"""The same of a ReplicaSet's hash: what `SafeEncodeString` there makes of the digits 0 to 9."""


class Decision(Protocol):
    """Gives the replacement of a match, or None to keep it."""

    def __call__(self, text: str, start: int, end: int, *, values: bool) -> str | None:
        """`text[start:end]` matched; with `values` its numbers are what a check expected and found."""


@dataclass(frozen=True, slots=True)
class NoiseRule:
    """One kind of noise (or of protected text)."""

    name: str
    starts: str
    """The characters that a match can start with: letters and digits at the start of a word, or one sign."""
    pattern: str
    """Matched where noise can start. Repetitions are bounded or possessive, so that it runs in linear time. When it
    starts with a sign, this is its first character and no part of a group."""
    placeholder: str
    """What replaces the match; empty when the match is protected."""
    why: str
    masks: tuple[tuple[str, str], ...] = ()
    """Examples: a text and what becomes of it under all rules."""
    keeps: tuple[str, ...] = ()
    """Examples that the rules leave as they are."""
    decide: Decision | None = None
    """Has the last word where a pattern alone cannot tell; replaces `placeholder`."""
    needs: tuple[str, ...] = ()
    """Quick looks around that succeed wherever `pattern` does, the quickest first. What neighbours need alike is tested
    once for all of them."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """One piece of noise that was found."""

    rule: str
    """The rule's name; `why` is its reason."""
    why: str
    start: int
    """Where it began in the line, colours and the space around the line left out (`cleaned`)."""
    text: str
    placeholder: str
    """What stands there now; empty for a sign that was dropped."""


def replaced(text: str, replacements: Iterable[Replacement]) -> str:
    """A cleaned line with these replacements made, which are in reading order."""
    parts = []
    end = 0
    for replacement in replacements:
        parts += [text[end : replacement.start], replacement.placeholder]
        end = replacement.start + len(replacement.text)
    return "".join([*parts, text[end:]])


# --- decisions that need the words around --------------------------------------------------------


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COUNTED = _words(
    "agent attempt attempts build builder ci container core counter elapsed exec executor gen generation "
    "goroutine gw host id index instance iteration job line lwp node partition pid pod pods pool ppid "
    "process replica request retries retry round row rows run runner seed sequence session shard slave "
    "slot task tasks thread threads tid tries try txn uid vm vu worker workers workspace"
)
"""Words whose number tells one run's instance from another's."""

_CODES = _words(
    "code codes errno error errors err exit exited exitcode exitstatus exitvalue fault hresult http "
    "https returncode rc ret retcode returned reason response responded signal sig signum sqlcode "
    "sqlstate status statuscode level version vers release api schema tls ssl category class severity "
    "oserror winerror hangup"
)
"""Words whose number names *which* error it is."""

_VERSIONED = _words(
    "java jdk jre javac openjdk python cpython pypy ruby php perl nodejs golang go kotlin scala gcc clang llvm cuda "
    "tls dotnet net postgres postgresql mysql mariadb ubuntu debian fedora centos rhel alpine windows macos ios android"
)
"""Software that people know by the number behind its name: what runs on Java 11 may not run on Java 17. Browsers are
none, which update themselves between runs."""
_VERSION_BEHIND = re.compile(
    r"\+(?![0-9])|(?:\.x)? (?:or (?:newer|later|higher|above|greater|older|earlier|below)|and (?:newer|later|above|up)"
    r"|is (?:not supported|unsupported|required))\b"
)
_VERSION_STARTS = (" or ", " and", " is ", ".x o", ".x a", ".x i", "+")
_LONGEST_VERSION = 7

_ENDED_WITH = re.compile(
    r"(?:exit(?:ed|s)?|fail(?:ed|s)?|returned|died|terminated|finished|ended|completed|stopped|respond(?:ed|s)|"
    r"replied|answered|got|received|killed)"
    r"(?: (?:with|by|a|an|the|as|unexpectedly|non-zero|nonzero)){1,3}+[ :='\"(]*+\Z",
    re.IGNORECASE,
)

_HTTP_STATUSES = _words(
    "200 201 202 204 206 301 302 303 304 307 308 400 401 402 403 404 405 406 407 408 409 410 411 412 413 "
    "414 415 416 417 418 421 422 423 424 425 426 428 429 431 451 499 500 501 502 503 504 505 507 508 511 "
    "520 521 522 523 524"
)
"""RFC 9110's statuses and the ones that widespread proxies add."""

_SERVICE_PORTS = _words(
    "10250 10255 11211 11434 15671 15672 16379 19092 26257 26379 27017 27018 27019 28017 50051 61613 61616"
)
"""Default ports above 10000 of widespread services (kubelet, memcached, RabbitMQ, CockroachDB, Sentinel, MongoDB, gRPC,
ActiveMQ): they say which service was meant."""

_FIRST_RANDOM_PORT = 10_000
"""Systems hand out ports from 32768 or 49152 on, Kubernetes from 30000, test frameworks often from 10000. Below stand
the ports that were chosen for a service."""

_NAMES_WITH_NUMBERS = _words(
    "alpine api arm base beta alpha centos chapter cuda debian ecma ed es fedora go gpt http iso java "
    "javac jdk jre latin log level llama node nodejs openjdk openssl php phase postgres postgresql "
    "python rc release rfc rhel rsa ruby sha sles step stage ubuntu utf v version win windows x86 zone"
)
"""Words that form a name together with the short number behind their hyphen."""

_NEAR = 40
"""Characters before a match in which a decision looks for words."""

_NAME_WIDTH = 24
"""Characters before a joined number in which its word is looked for."""

_SHORT_NUMBER = 3
"""Digits of a number that may be part of a name (rhel-9, python-312); http statuses have as many."""

_LONGEST_NAME_NUMBER = 4
"""Digits: a year is the longest number that people put behind an underscore."""

_DRAWN_BACK = r"[ \t=:#'\"(\[<{,.\-_/]*+"
_WORD_BACKWARDS = re.compile(_DRAWN_BACK + "([A-Za-z]++)")
"""Matched on the text before, reversed: looking backwards from the match costs less than searching up to it."""
_NAME_BACKWARDS = re.compile(r"(?:[0-9]++[-_])++([A-Za-z]++)")
_HOST_BEFORE = re.compile(r"(?:[.][A-Za-z]{2,}|[0-9]|\blocalhost|[\]>]|\bports?)[ :=]{1,2}+\Z")
_UPPER_BEFORE = re.compile(r"\b[A-Z]{2,}+(?:-[0-9]++)*+\Z")
_POD_BEFORE = re.compile(r"\b[Pp]ods?[/ \"'=:]{1,3}+(?:[a-z0-9]++-?+)*+\Z")
_COMPARED = re.compile(
    r"(?:[=!<>]=|<>|[<>] ?|\bis|\bnot|\bwas|\bbe|\bequals?|\bthan|\bgot|\bwant|\bhave)[ <:'\"(]*+\Z"
)


_CLOSED_BY = {"'": "'", '"': '"', "<": ">", "`": "`", "\u2018": "\u2019", "\u201c": "\u201d"}
_BEFORE_VALUES = _words(
    "expected expect expecting actual actually got want wanted received found was were be equal equals equaling to "
    "than left right returned"
)
"""Words behind which a check puts what it expected and found."""
_REJECTED = re.compile(
    r"[Ii]nvalid|[Ii]llegal|[Mm]alformed|[Uu]nparse?able|pars(?:e|ed|ing)\b|not (?:a valid|match|a date)|out of range"
)
_REJECTED_AS = _words(
    "invalid illegal malformed date datetime time timestamp instant string value data text input format parse"
)
"""Words in front of a text that could not be read."""
_FROM_CLOCK = re.compile(r"[.,](?=[0-9]{3})[0-9]*[1-9]")
_LONGEST_TIME_OF_DAY = 15
"""Characters of 10:11:12.123456; what is longer has a date."""


def _is_quoted(text: str, start: int, end: int) -> bool:
    closing = _CLOSED_BY.get(text[start - 1])
    return closing is not None and text.startswith(closing, end)


def _is_value(text: str, start: int, end: int) -> bool:
    """Whether a match within an assertion is what was expected or found: all of a quotation, or behind their words."""
    return _is_quoted(text, start, end) or _last_word(text[max(0, start - _NEAR) : start]) in _BEFORE_VALUES


def _is_rejected(text: str, start: int, end: int) -> bool:
    """Whether the line says that the match could not be read as what it should be."""
    if _REJECTED.search(text) is None:
        return False
    return _is_quoted(text, start, end) or _last_word(text[max(0, start - _NEAR) : start]) in _REJECTED_AS


def _decide_moment(text: str, start: int, end: int, *, values: bool) -> str | None:
    """A date or time that somebody chose says what was asked; one that a clock gave does not."""
    if values:
        # Nobody writes fractions of a second behind a date into a test, unless they are zero.
        read_from_clock = end - start > _LONGEST_TIME_OF_DAY and _FROM_CLOCK.search(text, start, end)
        return None if _is_value(text, start, end) and not read_from_clock else TIME
    if start > 1 and ("pars" in text or "alid" in text or " match" in text or "alformed" in text):
        return None if _is_rejected(text, start, end) else TIME
    return TIME


def _decide_amount(text: str, start: int, end: int, *, values: bool) -> str | None:
    return None if values and _is_value(text, start, end) else QUANTITY


def _last_word(before: str) -> str:
    """The word in front of a match, in small letters; empty when more than separators stand between."""
    word = _WORD_BACKWARDS.match(before[::-1])
    return word[1][::-1].lower() if word else ""


_WINDOWS_STATUS = re.compile(r"0[xX](?:8[0-7]|88|[cC]0)[0-9a-fA-F]{6}\Z")
"""HRESULT (an error, of a facility that is in use) and NTSTATUS of errors, [MS-ERREF] 2.1 and 2.3. Programs of 32 bits
lie below these numbers, kernels aside."""
_PLACE_BEFORE = re.compile(
    r"(?:@|\||\b(?:at|addr|address|pc|sp|bp|ip|ptr|pointer|offset|base|object))[ :=]{0,2}\Z"
)


def _decide_hexadecimal(text: str, start: int, end: int, *, values: bool) -> str | None:
    before = text[max(0, start - _NEAR) : start]
    if _last_word(before) in _CODES or _ENDED_WITH.search(before):
        return None
    short = end - start <= 10  # noqa: PLR2004 - 0x and eight digits: a 32-bit constant
    if values and short and not before.endswith((" at ", "| ", "@")):
        return None
    is_status = _WINDOWS_STATUS.match(text, start, end) and not _PLACE_BEFORE.search(before)
    return None if is_status else ADDRESS


def _decide_port(text: str, start: int, end: int, *, values: bool) -> str | None:
    port = text[start:end]
    if (
        not values
        and len(port) <= _SHORT_NUMBER
        and not _HOST_BEFORE.search(text[max(0, start - _NEAR) : start])
    ):
        return ID  # clipTopAmount:180
    return ID if int(port) >= _FIRST_RANDOM_PORT and port not in _SERVICE_PORTS else None


def _decide_pod(text: str, start: int, end: int, *, values: bool) -> str | None:  # noqa: ARG001 - the protocol
    suffix = text[start:end].rpartition("-")[2]
    if suffix.isdecimal():
        return None if _UPPER_BEFORE.search(text[max(0, start - _NEAR) : start]) else "-" + ID
    return None if suffix in _CONSONANT_NAMES else "-" + ID


_HUMP_BACKWARDS = re.compile("[a-z]{2,}[A-Z]")


def _last_hump(name: str) -> str:
    """The last word of a name in camel case, in small letters: worker of ForkPoolWorker."""
    hump = _HUMP_BACKWARDS.match(name[::-1])
    return hump[0][::-1].lower() if hump else ""


def _decide_joined(text: str, start: int, end: int, *, values: bool) -> str | None:  # noqa: ARG001 - as above
    """Whether a number behind a hyphen or underscore is an instance's number or part of a name."""
    before = text[start - _NAME_WIDTH if start > _NAME_WIDTH else 0 : start - 1]
    name = before[len(before.rstrip(_LETTERS)) :]
    if not name and (word := _NAME_BACKWARDS.match(before[::-1])):
        name = word[1][::-1]
    number, dot, ending = text[start:end].partition(".")
    replacement = ID + dot + ending if dot else ID
    if name in _COUNTED:
        return replacement
    lower = name.lower()
    if (lower in _COUNTED or _last_hump(name) in _COUNTED) and not name.isupper():
        return replacement
    if len(name) > 1 and name.isupper():
        return None  # ORA-00942, CVE-2021-44228, a tracker's key
    digits = len(number)
    if digits <= _SHORT_NUMBER and lower in _NAMES_WITH_NUMBERS:
        return None
    is_instance = (
        digits > _LONGEST_NAME_NUMBER
        or (  # underscores join long ids too
            text[start - 1] == "-"
            and (
                dot != ""
                or digits >= _SHORT_NUMBER
                or _POD_BEFORE.search(text[max(0, start - _NEAR) : start])
            )
        )
    )
    return replacement if is_instance else None


def _is_version(text: str, end: int, number: str, last: str) -> bool:
    if len(number) > _LONGEST_VERSION:
        return False
    return last in _VERSIONED or (
        text.startswith(_VERSION_STARTS, end) and _VERSION_BEHIND.match(text, end) is not None
    )


def _is_ratio(text: str, start: int, end: int) -> bool:
    """Whether a line is nothing but two numbers with a slash: there it is no progress of something, but a value."""
    if text.startswith("/", end):
        return start == 1 and text[end + 1 :].isdecimal()
    return text[start - 1] == "/" and end == len(text) and text[1 : start - 1].isdecimal()


def _decide_number(text: str, start: int, end: int, *, values: bool) -> str | None:
    """Whether a number that stands alone identifies and counts (noise) or says which error it is."""
    before = text[max(0, start - _NEAR) : start]
    number = text[start:end]
    last = _last_word(before)
    if last in {"port", "ports"} and number.isdecimal():
        return _decide_port(text, start, end, values=values)
    if text.startswith("==", start - 2) and text.startswith("==", end):
        return ID  # valgrind and sanitizers put the process so: ==12==ERROR
    if _is_version(text, end, number, last) or _is_ratio(text, start, end):
        return None
    if last in _COUNTED and not values:
        return ID
    is_status = number in _HTTP_STATUSES and before.rstrip()[-1:] not in {"=", ":"}
    if values or is_status or last in _CODES or _ENDED_WITH.search(before) or _COMPARED.search(before):
        return None
    after = text[end : end + 3]
    is_compared = after.lstrip()[:2] in {"==", "!=", ">=", "<="}
    is_code = (
        len(number) <= _SHORT_NUMBER and before.endswith((" (", " [", ":(", ":[")) and after[:1] in {")", "]"}
    )
    return None if is_compared or is_code else ID


def _decide_build_version(text: str, start: int, end: int, *, values: bool) -> str:  # noqa: ARG001 - as above
    return f"{text[start:end].partition('.')[0]}.{ID}"


_GENERATED_NAME = re.compile(r"\$+[A-Za-z]+")


def _decide_generated(text: str, start: int, end: int, *, values: bool) -> str:  # noqa: ARG001 - as above
    name = _GENERATED_NAME.match(text, start, end)
    return (name[0] if name else "$") + ID


def _decide_host(text: str, start: int, end: int, *, values: bool) -> str:  # noqa: ARG001 - as above
    return re.sub(r"[0-9]+", ID, text[start:end])


_CONSONANT_NAMES = _words("dhcpd grpcs httpd https httpx mssql pgsql xhtml")
"""Names of five consonants that people give things, which would else be taken for generated suffixes."""

# --- the rules -----------------------------------------------------------------------------------

# An optional group is mostly written as (?:group|): the regex engine reads that faster than the repetition (?:group)?.
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}+"
_CLOCK = r"[0-2]?[0-9]:[0-5][0-9](?::[0-6][0-9](?:[.,][0-9]{1,9}+|)|)(?: ?[AaPp][Mm]\b|)"
_ZONE = r"(?: ?(?:Z\b|UTC|GMT|CES?T|[ECMP][SD]T)| ?[+-][0-9]{2}:?[0-9]{2}(?![0-9])|)"
_END = r"(?![0-9A-Za-z])"
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_ID_OR_DATE_AHEAD = (
    r"(?=[0-9]{1,63}+(?:[/.:_a-fA-FxXT]|-[0-9a-fA-Z]| [A-Z])|[a-fA-F]{1,63}+[0-9:-]"
    r"|[MTWFSJAOND](?:on|ue|ed|hu|ri|at|un|an|eb|ar|pr|ay|ul|ug|ep|ct|ov|ec))"
)
"""A number that goes on behind its digits, a hexadecimal one that begins with letters, or the start of a day's or
month's name: most words and numbers are none of these, and a dozen rules need not be tried."""
_RARE_WORD_AHEAD = r"(?=t[me]|gw[0-9]|[A-Za-z]:\\)"
"""The beginnings of words that few rules of their own are about."""
_HEX_GROUPS_AHEAD = r"(?=[0-9a-fA-F]{1,4}:|[0-9a-fA-F]{2}-|[0-9a-fA-F]{8}-)"
_HEX_AHEAD = r"(?=[0-9]{1,63}+[a-fA-F]|[a-fA-F]{1,63}+[0-9])"
_DOT_AHEAD = r"(?=[0-9]{1,4}\.)"
_COLON_BEHIND = r"(?<=:)"
_AMOUNT = (
    r"(?:[0-9]{1,3}+(?: [0-9]{3}){1,4}+(?![0-9])(?:[.,][0-9]{1,9}+)?+"
    r"|[0-9]{1,15}+(?:[.,'\u00a0\u202f][0-9]{1,9}+){0,5}+)"
)
"""A number in front of a unit, in the ways of several countries: 1234.5, 1.234,5, 1'234.5 or 1 234,5."""
_UNIT_START = "(?:[hmnus\u00b5dkKMGTPbBH%]|tick)"
_MORE_AHEAD = rf"(?=[0-9]{{1,63}}+(?:[:.,'\u00a0\u202f ][0-9]|[ -]?{_UNIT_START}))"
"""Another group of digits behind the first, or what could be a unit."""
_UNIT_AHEAD = rf"(?={_AMOUNT}[ -]?{_UNIT_START})"

RULES: tuple[NoiseRule, ...] = (
    NoiseRule(
        name="http-date",
        starts="MTWFSJAOND" + _DIGITS,
        pattern=rf"(?:{_DAY}[a-z]{{0,6}}+,? )?(?:[0-3]?[0-9][ -]{_MONTH}|{_MONTH} {{1,2}}[0-3]?[0-9]),?"
        rf"(?:[ -][0-9]{{4}}(?![0-9:]))?(?:(?:,| at)? ?{_CLOCK}{_ZONE}(?: [12][0-9]{{3}}\b)?)?{_END}",
        needs=(_ID_OR_DATE_AHEAD, r"(?=[0-9]{1,2}[ -][A-Z]|[A-Z])"),
        placeholder=TIME,
        decide=_decide_moment,
        why="RFC 1123 dates of HTTP headers, syslog's and ctime's stamps, named-month dates.",
        masks=(
            ("Date: Mon, 04 May 2026 10:11:14 GMT", "Date: <time>"),
            ("May  4 10:11:14 host sshd failed", "<time> host sshd failed"),
            ("at Mon May 4 10:11:14 UTC 2026 it broke", "at <time> it broke"),
            ("started 04-May-2026 10:11:14.123 late", "started <time> late"),
        ),
        keeps=("Maybe a marker", "Monday is Mandatory"),
    ),
    NoiseRule(
        name="timestamp",
        starts=_DIGITS,
        pattern=rf"(?:[12][0-9]{{3}}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,2}}"
        rf"|[0-9]{{1,2}}/[0-9]{{1,2}}/(?:[12][0-9])?[0-9]{{2}}|[0-9]{{1,2}}\.[0-9]{{1,2}}\.[12][0-9]{{3}})"
        rf"(?:(?:[T _:,]| @ ){_CLOCK}{_ZONE}|){_END}(?!\.[0-9])",
        needs=(_ID_OR_DATE_AHEAD, r"(?=[12][0-9]{3}[-/.]|[0-9]{1,2}(?:/|\.[0-9]{1,2}\.[12]))"),
        placeholder=TIME,
        decide=_decide_moment,
        why="ISO 8601, comma milliseconds of Java and Python logging, slashed and dotted dates.",
        masks=(
            ("2026-04-10 00:41:28,107 ERROR", "<time> ERROR"),
            ("at 2026-04-10T00:41:28.107+02:00 x", "at <time> x"),
            ("@ 01/02/26 13:24:52.316", "@ <time>"),
            ("on 31.12.2026, done", "on <time>, done"),
        ),
        keeps=("needs 10.4.1 of it",),
    ),
    NoiseRule(
        name="compact-timestamp",
        starts=_DIGITS,
        pattern=rf"20[0-9]{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[T_-][0-9]{{6}}(?:\.?[0-9]{{1,9}}+)?Z?{_END}",
        needs=(_ID_OR_DATE_AHEAD,),
        placeholder=ID,
        why="20260410T004128Z and its kind in names of runs; shares the placeholder of numbers.",
        masks=(("in run-20260410T004128Z here", "in run-<id> here"),),
    ),
    NoiseRule(
        name="uuid",
        starts=_HEX,
        pattern=rf"[0-9a-fA-F]{{8}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{12}}{_END}",
        needs=(_ID_OR_DATE_AHEAD, _HEX_GROUPS_AHEAD),
        placeholder=ID,
        why="A new one each run.",
        masks=(("txn e173af9b-ef9d-161d-df01-964dd27006e2 lost", "txn <id> lost"),),
    ),
    NoiseRule(
        name="mac-address",
        starts=_HEX,
        pattern=rf"(?![0-9]{{2}}-[0-9a-fA-F]{{2}}:)[0-9a-fA-F]{{2}}(?:[:-][0-9a-fA-F]{{2}}){{5}}{_END}",
        needs=(_ID_OR_DATE_AHEAD, _HEX_GROUPS_AHEAD),
        placeholder=ADDRESS,
        why="Virtual machines and containers get a new one each. Numbers joined to one (17-52:54:…) are no part.",
        masks=(
            ("nic 52:54:00:ab:cd:0f down", "nic <addr> down"),
            ("nic-17-52:54:00:ab:cd:0f down", "nic-17-<addr> down"),
        ),
    ),
    NoiseRule(
        name="ipv6",
        starts=_HEX,
        pattern=r"(?=[a-fA-F:]{0,30}+[0-9])(?:(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}"
        r"|(?:[0-9a-fA-F]{1,4}:){1,6}(?::[0-9a-fA-F]{1,4}){1,6}+|(?:[0-9a-fA-F]{1,4}:){1,7}:)(?:%[a-z0-9]{1,15}+)?"
        + _END,
        needs=(_ID_OR_DATE_AHEAD, _HEX_GROUPS_AHEAD),
        placeholder=ADDRESS,
        why="As IPv4. Needs all eight groups or a double colon, so that times of day are none.",
        masks=(("to [fe80::1ff:fe23:4567:890a]:54321 failed", "to [<addr>]:<id> failed"),),
        keeps=("std::dec::be",),
    ),
    NoiseRule(
        name="ipv4",
        starts=_DIGITS,
        pattern=rf"{_BYTE}\.{_BYTE}\.{_BYTE}\.{_BYTE}(?![0-9A-Za-z]|\.[0-9])",
        needs=(_ID_OR_DATE_AHEAD, _DOT_AHEAD),
        placeholder=ADDRESS,
        why="Handed out anew; which host is meant is said by its name.",
        masks=(("host='10.209.81.73', port=54835", "host='<addr>', port=<id>"),),
    ),
    NoiseRule(
        name="dashed-ipv4",
        starts=_DIGITS,
        pattern=rf"(?<=[A-Za-z0-9]-){_BYTE}-{_BYTE}-{_BYTE}-{_BYTE}(?![0-9A-Za-z_-])",
        needs=(_ID_OR_DATE_AHEAD, r"(?=[0-9]{1,3}-[0-9]{1,3}-)"),
        placeholder=ADDRESS,
        why="Clouds name machines after their address: ip-10-1-2-3.ec2.internal.",
        masks=(("ssh to ip-10-1-2-3.ec2.internal", "ssh to ip-<addr>.ec2.internal"),),
        keeps=("in api-1-2-3 of it",),
    ),
    NoiseRule(
        name="build-version",
        starts=_DIGITS,
        pattern=r"[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{3,5}\.[0-9]{1,4}(?![0-9A-Za-z.])",
        needs=(_ID_OR_DATE_AHEAD, _DOT_AHEAD),
        placeholder="",
        why="Browsers and drivers update themselves between runs; the major version stays.",
        masks=(("(Session info: chrome=126.0.6478.32)", "(Session info: chrome=126.<id>)"),),
        decide=_decide_build_version,
    ),
    NoiseRule(
        name="version",
        starts=_DIGITS,
        pattern=r"[0-9]{1,4}(?:\.[0-9]{1,4}){2,3}+(?![0-9])",
        needs=(_ID_OR_DATE_AHEAD, _DOT_AHEAD),
        placeholder=KEEP,
        why="1.2.3 is not a number. Which version is often the error.",
        keeps=("requires numpy 1.26.4",),
    ),
    NoiseRule(
        name="memory-address",
        starts=_DIGITS,
        pattern=rf"0[xX][0-9a-fA-F]{{3,16}}+{_END}",
        needs=(_ID_OR_DATE_AHEAD,),
        placeholder=ADDRESS,
        why="Pointers, object addresses, program counters. Codes (HRESULT = 0x80070005) and short constants stay.",
        masks=(
            ("<Conn object at 0x9211d9b963cc>", "<Conn object at <addr>>"),
            ("pc=0x8f5501419bf4]", "pc=<addr>]"),
        ),
        keeps=("HRESULT = 0x80070005", "failed: 0x80070002", "exit code 0xC0000005", "code=0x1"),
        decide=_decide_hexadecimal,
    ),
    NoiseRule(
        name="generated-class",
        starts="$",
        pattern=r"\$(?:\$(?:Lambda|Enhancer[A-Za-z]{0,30}+|FastClass[A-Za-z]{0,30}+|SpringCGLIB|KtProxy|Proxy)"
        r"(?:\${1,2}[0-9A-Za-z]{1,16}+|)(?:/(?:0x)?[0-9a-f]{1,16}+|)"
        r"|(?:MockitoMock|HibernateProxy|ByteBuddy)\$[0-9A-Za-z]{1,20}+|Proxy[0-9]{1,6})(?![0-9A-Za-z])",
        placeholder="",
        why="Classes that the JVM, Spring, Mockito and others make while they run get a number or a random name.",
        masks=(
            ("com.acme.Rates$$Lambda/0x000070f1c4013a28 x", "com.acme.Rates$$Lambda<id> x"),
            ("com.acme.Rates$$Lambda$123/456789012 x", "com.acme.Rates$$Lambda<id> x"),
            ("com.acme.Rates$MockitoMock$1234567 x", "com.acme.Rates$MockitoMock<id> x"),
            ("jdk.proxy2.$Proxy43 x", "jdk.proxy2.$Proxy<id> x"),
        ),
        keeps=("com.acme.Cart$Item", "paid $200Lambda"),
        decide=_decide_generated,
    ),
    NoiseRule(
        name="object-hash",
        starts="@",
        pattern=rf"@(?<=[0-9A-Za-z_$;\]]@)[0-9a-f]{{5,16}}+{_END}(?!\.[a-z])",
        placeholder="@" + ID,
        why="Java's identity hash behind a type's name.",
        masks=(("com.acme.Order@3cadaa62<Order(id=17)>", "com.acme.Order@<id><Order(id=<id>)>"),),
        keeps=("mail@facade.example.com", "@decade of @Beforehand"),
    ),
    NoiseRule(
        name="pod-suffix",
        starts="-",
        pattern=rf"-(?:(?:[{_NAME_SIGNS}]{{6,10}}-|)[{_NAME_SIGNS}]{{5}}|[{_HASH_SIGNS}]{{8,10}})(?![0-9A-Za-z_-])",
        needs=(rf"(?=[{_NAME_SIGNS}]{{5}})(?<=[A-Za-z0-9]-)",),
        placeholder="-" + ID,
        why="Generated names of pods, jobs and builds; its alphabet has no vowels, so words are safe.",
        masks=(
            ('pods "api-7d4b9c6f8d-x2x9z" gone', 'pods "api-<id>" gone'),
            ("build sample-build-zmcbd late", "build sample-build-<id> late"),
            ("set api-bdfcbfcd77 scaled", "set api-<id> scaled"),
        ),
        keeps=("to svc-https and svc-httpd", "local-facade and local-decade"),
        decide=_decide_pod,
    ),
    NoiseRule(
        name="hexadecimal-id",
        starts=_HEX,
        pattern=r"(?:(?=[0-9]{0,63}+[a-f])(?=[a-f]{0,63}+[0-9])"
        r"(?![a-f]{1,15}+[0-9]{1,2}+(?![0-9a-f]))(?![0-9]++e[0-9]++(?![0-9a-f]))"
        r"[0-9a-f]{7,128}+"
        r"|(?=[0-9]{0,63}+[A-F])(?=[A-F]{0,63}+[0-9])(?![A-F]{1,15}+[0-9]{1,2}+(?![0-9A-F]))[0-9A-F]{8,128}+)"
        + _END,
        needs=(_ID_OR_DATE_AHEAD, _HEX_AHEAD),
        placeholder=ID,
        why="Digests, short commit ids, container ids. Must hold a digit and a letter and not be a numbered word.",
        masks=(
            ("endpoint app-824a8b7: Bind", "endpoint app-<id>: Bind"),
            ("app:f24e89ddbd634e377b9f597fea1873c35c36ed81", "app:<id>"),
        ),
        keeps=("facade and decade", "feedbeef", "facade12"),
    ),
    NoiseRule(
        name="temporary-path",
        starts="/",
        pattern=r"/(?<![0-9A-Za-z_.>/]/)(?:private/)?(?:tmp|var/tmp|var/folders/[^/\s'\"]{1,40}/[^/\s'\"]{1,60}/T)(?=/)"
        r"(?:/(?:pytest-of-[^/\s'\"]{1,40}/pytest-[0-9]{1,9}"
        r"|tmp[._]?[A-Za-z0-9_]{8,10}|(?=[^0-9/\s'\"]{0,200}+[0-9])[^/\s'\"]{1,200})(?=/))?",
        placeholder=TEMPORARY,
        why="A folder made for this run, known by its number or random name; what lies below it keeps its name.",
        masks=(
            ("'/tmp/pytest-of-root/pytest-184/test_a0/report-378.json'", "'<tmp>/test_a0/report-<id>.json'"),
            ("in /tmp/tmpab3x_9qz/out.txt", "in <tmp>/out.txt"),
        ),
        keeps=("no /tmpfs here",),  # the words of a folder stay: /tmp/reports/a is not /tmp/config/a
    ),
    NoiseRule(
        name="opaque-id",
        starts=_DIGITS,
        pattern=rf"(?:(?=[0-9]{{1,8}}+[A-Z])(?=(?:[0-9]{{1,20}}+[A-Za-z]{{1,20}}+){{5}})[0-9A-Za-z]{{16,64}}+{_END})",
        needs=(r"(?=[0-9]{1,8}+[A-Z])",),
        placeholder=ID,
        why="ULIDs, KSUIDs and services' own ids. Names people give have no five numbers inside one word.",
        masks=(("request req_01HX3V5Y8ZK9Q2W3E4R5T6Y7U8 x", "request req_<id> x"),),
        keeps=("in 3D2Dto4DConverter",),
    ),
    NoiseRule(
        name="temporary-name",
        starts="t",
        pattern=r"(?:tmp\.(?=[a-z]{0,9}+[A-Z])(?=[A-Z]{0,9}+[a-z])[A-Za-z0-9]{10}(?![A-Za-z0-9_.])"
        r"|(?:tmp|temp)[._-]?(?=[A-Za-z_]{0,12}+[0-9])[A-Za-z0-9_]{6,20}+(?![A-Za-z0-9_]))",
        needs=(_RARE_WORD_AHEAD,),
        placeholder=TEMPORARY,
        why="mkstemp's and mktemp's names. Must hold a digit (temp_settings is a name), or be mktemp's ten letters.",
        keeps=("no temp_settings", "no tmplocation", "no tmp.properties"),
        masks=(
            ("below <tmp>/tmpab3x_9qz", "below <tmp>/<tmp>"),
            ("no /scratch/tmp.GhUzKlMnOp/a", "no /scratch/<tmp>/a"),
        ),
    ),
    NoiseRule(
        name="worker-name",
        starts="g",
        pattern=r"(?:gw[0-9]{1,3}(?![0-9A-Za-z_]))",
        needs=(_RARE_WORD_AHEAD,),
        placeholder="gw" + ID,
        why="Worker of pytest-xdist: which one ran the test changes with each run.",
        masks=(("[gw3] linux -- Python 3.12.1 python", "[gw<id>] linux -- Python 3.12.1 python"),),
        keeps=("in gwt 3.2.1",),
    ),
    NoiseRule(
        name="windows-temporary-path",
        starts=_LETTERS,
        pattern=r"[A-Za-z]:\\(?:Users\\[^\\\s'\"]{1,60}\\AppData\\Local\\Temp|Windows\\Temp|[Tt]e?mp)(?=\\)"
        r"(?:\\(?=[^0-9\\\s'\"]{0,100}+[0-9])[^\\\s'\"]{1,100}(?=\\))?",
        needs=(_RARE_WORD_AHEAD,),
        placeholder=TEMPORARY,
        why="As temporary-path, on Windows.",
        masks=((r"no C:\Users\ci\AppData\Local\Temp\junit81234\a.txt", r"no <tmp>\a.txt"),),
        keeps=(r"no C:\Users\ci\a.txt",),
    ),
    NoiseRule(
        name="windows-workspace-path",
        starts=_LETTERS,
        pattern=r"[A-Za-z]:\\(?:a\\(?:[0-9]{1,4}(?=\\[abs]\\)|[^\\\s'\":]{1,100}\\[^\\\s'\":]{1,100}(?=\\))"
        r"|(?:[^\\\s'\":]{1,60}\\){0,5}?(?:workspace|_work)\\[^\\\s'\":]{1,120}(?:@[0-9]{1,3})?(?=\\))",
        needs=(_RARE_WORD_AHEAD,),
        placeholder=WORKSPACE,
        why="As workspace-path, on Windows: Jenkins', GitHub's (D:\\a) and Azure's.",
        masks=(
            (r"no D:\jenkins\workspace\nightly-12\a.txt", r"no <workspace>\a.txt"),
            (r"no D:\a\12\s\a.txt", r"no <workspace>\s\a.txt"),
        ),
        keeps=(r"no D:\data\a.txt",),
    ),
    NoiseRule(
        name="workspace-path",
        starts="/",
        pattern=r"/(?<![0-9A-Za-z_.>/]/)(?=[A-Za-z._])(?:"
        r"builds/[A-Za-z0-9_-]{8,9}/[0-9]{1,3}(?=/)"
        r"|(?:[^/\s'\":]{1,60}/){1,3}?work/[0-9]{1,4}(?=/[abs]/)"
        r"|(?:home/runner/work/|(?:[^/\s'\":]{1,60}/){0,5}?(?:workspace|_work)/)"
        r"[^/\s'\":]{1,120}(?:@[0-9]{1,3})?(?=/))",
        placeholder=WORKSPACE,
        why="Where the checkout of this run stands: Jenkins', GitHub's, GitLab's (runner and slot), Azure's (s, a, b).",
        masks=(
            ("/home/runner/work/3303/tests/a.ts", "<workspace>/tests/a.ts"),
            ("/builds/x7Ya_9Zq/0/acme/shop/a.py", "<workspace>/acme/shop/a.py"),
            ("/home/vsts/work/12/s/a.cs", "<workspace>/s/a.cs"),
            ("'/var/lib/jenkins/workspace/nightly-12/target/x-7.tmp'", "'<workspace>/target/x-<id>.tmp'"),
        ),
        keeps=(
            "/opt/agent/plugins/a.so",
            "/api/builds/main/log",
            "/builds/acme/shop/a.py",
            "/data/work/reports/s/a",
        ),
    ),
    NoiseRule(
        name="numbered-host",
        starts=_DIGITS,
        pattern=r"(?<=[a-z-])[0-9]{1,4}(?:\.[a-z][a-z-]{0,30}+[0-9]{0,4}+){2,6}+(?![0-9A-Za-z(:.]*\()",
        needs=(_ID_OR_DATE_AHEAD, _DOT_AHEAD),
        placeholder="",
        why="Numbered nodes of one farm are interchangeable; the words of their names are not.",
        masks=(
            ('host "worker-3.ci8.example.com" (10.1.2.3)', 'host "worker-<id>.ci<id>.example.com" (<addr>)'),
        ),
        decide=_decide_host,
    ),
    NoiseRule(
        name="source-line",
        starts=_DIGITS,
        pattern=r"(?:(?<=\.[jtr]s:)|(?<=\.(?:go|py|kt|rb|cs|cc):)|(?<=\.(?:tsx|jsx|mjs|cjs|php|cpp):)|(?<=\.(?:java):)"
        r"|(?<=\.scala:)|(?<=\.(?:c|h):)|(?<=\.swift:))[0-9]{1,7}(?::[0-9]{1,5}|)(?![0-9])",
        needs=(r"(?<=[a-z]:)",),
        placeholder="<line>",
        why="Lines drift with every edit above them.",
        masks=(
            ("fail [test/builds/start.go:212]: Unexpected", "fail [test/builds/start.go:<line>]: Unexpected"),
            ("at tests/orders.spec.ts:131:17", "at tests/orders.spec.ts:<line>"),
        ),
    ),
    NoiseRule(
        name="time-of-day",
        starts=_DIGITS,
        pattern=rf"(?<![:.][0-9])(?<![A-Za-z0-9]:)"
        rf"(?:[0-9]{{1,3}}:[0-5][0-9]:[0-6][0-9](?:[.,][0-9]{{1,9}}+|)|[0-2][0-9]:[0-5][0-9])"
        rf"(?: ?[AaPp][Mm]\b|){_ZONE}{_END}(?!:)",
        needs=(_MORE_AHEAD, r"(?=[0-9]{1,3}:)"),
        placeholder=TIME,
        decide=_decide_moment,
        why="A clock's reading without a date, or a length of time as hours, minutes and seconds.",
        masks=(("lifetime 00:01 then 13:24:52.316", "lifetime <time> then <time>"),),
    ),
    NoiseRule(
        name="duration",
        starts=_DIGITS,
        pattern=_AMOUNT + r"(?:h(?:[0-9]{1,4}m|)(?:[0-9]{1,4}(?:\.[0-9]{1,9}+|)s|)"
        r"|m(?:[0-9]{1,4}(?:\.[0-9]{1,9}+|)s|)|[ -]?"
        r"(?:ns|us|\u00b5s|msecs?|millis|milliseconds?|ms|microseconds?|nanoseconds?"
        r"|seconds?|secs?|s|minutes?|mins?|hours?|hrs?|days?|ticks?))(?![0-9A-Za-z])",
        needs=(_MORE_AHEAD, _UNIT_AHEAD),
        placeholder=QUANTITY,
        decide=_decide_amount,
        why="How long it took or was waited for.",
        masks=(
            ("after 875 ms", "after <quantity>"),
            ("Timeout 30000ms exceeded", "Timeout <quantity> exceeded"),
            ("within 15m0s", "within <quantity>"),
            ("took 1.25 seconds", "took <quantity>"),
            ("took 1.234,5 ms", "took <quantity>"),
            ("took 1 234 ms", "took <quantity>"),
        ),
    ),
    NoiseRule(
        name="size",
        starts=_DIGITS,
        pattern=r"[0-9]{1,15}+(?:[.,][0-9]{1,9}+|)[ -]?"
        r"(?:[kKMGTP]i?[Bb]|[KMG]i|bytes?|B|%|bps|[KMG]bps|[KMG]?Hz)(?![0-9A-Za-z])",
        needs=(_MORE_AHEAD, _UNIT_AHEAD),
        placeholder=QUANTITY,
        decide=_decide_amount,
        why="How much of it there was.",
        masks=(("free 5.2 KB of 17.7 GB (99.1%)", "free <quantity> of <quantity> (<quantity>)"),),
    ),
    NoiseRule(
        name="build-number",
        starts="#",
        pattern=r"#[0-9]{1,9}(?![0-9A-Za-z])",
        placeholder="#" + ID,
        why="Jenkins' builds, retries, frames: #228.",
        masks=(("(job nightly #228)", "(job nightly #<id>)"),),
    ),
    NoiseRule(
        name="port",
        starts=_DIGITS,
        pattern=r"(?:(?<=[a-z]:)|(?<=[0-9]:)|(?<=\]:)|(?<=>:))[0-9]{2,5}(?![0-9A-Za-z:.])",
        needs=(_COLON_BEHIND,),
        placeholder="",
        why="Ports the system hands out. A chosen port says which service: 5432 is not 6379.",
        masks=(("0.0.0.0:31476 failed", "<addr>:<id> failed"),),
        keeps=("connect to db:5432", "connect to cache:6379", "at mongo:27017"),
        decide=_decide_port,
    ),
    NoiseRule(
        name="joined-number",
        starts=_DIGITS,
        pattern=r"(?<=[A-Za-z0-9_>][-_])[0-9]{1,20}+(?![0-9A-Za-z])(?:\.[a-z]{2,5}\b)?+",
        placeholder="",
        why="vm-1718246873582, pool-11-thread-3, nightly-1268. Error codes and versions in names stay; so do db-1 and "
        "db-2: somebody numbered them by hand, and which one failed is often the finding.",
        masks=(
            ("VMI vm-rhel-1756597556498-1745359002433 is", "VMI vm-rhel-<id>-<id> is"),
            ("[pool-11-thread-3]", "[pool-<id>-thread-<id>]"),
            ("pod web-0 and pod web-12", "pod web-<id> and pod web-<id>"),
        ),
        keeps=("ORA-00942: no table", "db-1 and db-2", "in utf-8", "on rhel-9", "CVE-2021-44228", "sha-256"),
        decide=_decide_joined,
    ),
    NoiseRule(
        name="dotted-number",
        starts=_DIGITS,
        pattern=r"(?<=[a-z]\.)[0-9]{3,20}+(?![0-9A-Za-z_(]|\.[0-9A-Za-z])",
        placeholder=ID,
        why="core.2275, app.log.20417: the process behind a file's name.",
        masks=(("generating core.2275", "generating core.<id>"),),
        keeps=("in libc.so.6 of it", "v.204.1"),
    ),
    NoiseRule(
        name="number",
        starts=_DIGITS,
        pattern=r"(?<![A-Za-z_$][-_.])(?<![A-Za-z0-9_$.])"
        r"[0-9]{1,40}+(?:[.,'\u00a0\u202f][0-9]{1,20}){0,6}+(?![0-9A-Za-z]|_[A-Za-z]|\.<)",
        placeholder=ID,
        why="Counts and ids in prose. Codes, HTTP statuses and the values of an assertion are not noise.",
        masks=(
            ("goroutine 304 [running]:", "goroutine <id> [running]:"),
            ("Timed Out: 156.80", "Timed Out: <id>"),
            ("read 1,234,567 rows", "read <id> rows"),
            ("attempt 3 of 5", "attempt <id> of <id>"),
            ("==12==ERROR: AddressSanitizer", "==<id>==ERROR: AddressSanitizer"),
        ),
        keeps=(
            "exit code 137",
            "returned non-zero exit status 1.",
            "HTTP 500",
            "404 Not Found",
            "ApiException: (404)",
            "[Errno 111] Connection refused",
            "status=503",
            "assert 137 == 0",
        ),
        decide=_decide_number,
    ),
)


# --- reading a line ------------------------------------------------------------------------------

_SIGNS = "-/@#$"


def _alternatives(rules: Iterable[NoiseRule], depth: int, order: list[NoiseRule]) -> str:
    """The rules as alternatives, each a group; they are added to `order` as their groups stand."""
    tried = []
    for needs, neighbours in groupby(rules, key=lambda rule: "".join(rule.needs[depth : depth + 1])):
        if needs:
            tried.append(f"{needs}(?:{_alternatives(neighbours, depth + 1, order)})")
        else:
            for rule in neighbours:
                order.append(rule)
                tried.append(
                    f"({rule.pattern.removeprefix(rule.starts).removeprefix(re.escape(rule.starts))})"
                )
    return "|".join(tried)


def _joined_rules() -> tuple["re.Pattern[str]", list[NoiseRule]]:
    """All rules as one expression, and the rules that its groups stand for, in order.

    The expression begins with the character in front of a word, or with the sign that starts a rule. Where a sign
    starts a rule, the word behind it is a part of that: signs come first.
    """
    order: list[NoiseRule] = []

    def starting(characters: str) -> str:
        return _alternatives((rule for rule in RULES if set(characters) & set(rule.starts)), 0, order)

    signs = "|".join(f"(?<={re.escape(sign)})(?:{starting(sign)})" for sign in _SIGNS)
    pattern = (
        f"[^0-9A-Za-z](?:(?<=[{_SIGNS}])(?:{signs})|(?=[0-9])(?:{starting(_DIGITS)})|{starting(_LETTERS)})"
    )
    return re.compile(pattern), order


_NOISE, _RULES_BY_GROUP = _joined_rules()
_NEGATIVE_ID = "-" + ID
_NEGATIVE = re.compile(rf"-(?<=[\n _=:(\[{{,;|'\"#]-){ID}")
NEGATIVE_SIGN = "negative-sign"
_WHY_NEGATIVE = "Hash codes and 64-bit ids are negative half of the time."
_MAY_HOLD_NOISE = re.compile(r"[0-9@/]|-[bcdfghjklmnpqrstvwxz]{5}|[A-Za-z]:\\")
_COLOURS = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")


def without_colours(text: str) -> str:
    """The text without what terminals take for colours."""
    return _COLOURS.sub("", text)


def pieces(text: str) -> Iterator[str]:
    """The text in pieces of at most CHUNK characters, cut at spaces where there are any."""
    start = 0
    while len(text) - start > CHUNK:
        end = text.rfind(" ", start + CHUNK // 2, start + CHUNK)
        end = start + CHUNK if end < 0 else end
        yield text[start:end]
        start = end
    yield text[start:]


_OUTCOMES = [(rule.decide, rule.placeholder, rule.starts in _SIGNS) for rule in _RULES_BY_GROUP]


def _replace(match: "re.Match[str]", *, values: bool = False) -> str:
    """What becomes of a match, together with the character in front of it when it is a word."""
    decide, placeholder, is_sign = _OUTCOMES[match.lastindex - 1]  # type: ignore[operator] # all is in groups
    if decide is not None:
        start, end = match.span()
        decided = decide(match.string, start if is_sign else start + 1, end, values=values)
        if decided is None:
            return match[0]
        placeholder = decided
    elif not placeholder:
        return match[0]
    return placeholder if is_sign else match[0][0] + placeholder


_replace_no_values = partial(_replace, values=True)


class _Recorder:
    """Replaces likewise, and keeps what was replaced in one piece of a line."""

    def __init__(self, offset: int, *, values: bool) -> None:
        self.found: list[Replacement] = []
        self._offset = offset - 1  # the line's end in front of the piece
        self._values = values

    def __call__(self, match: "re.Match[str]") -> str:
        """What becomes of a match."""
        becomes = _replace(match, values=self._values)
        if becomes != match[0]:
            rule = _RULES_BY_GROUP[(match.lastindex or 0) - 1]
            front = rule.starts not in _SIGNS
            start = self._offset + match.start() + front
            self.found.append(Replacement(rule.name, rule.why, start, match[0][front:], becomes[front:]))
        return becomes

    def record_signs(self, normalised: str) -> None:
        """Add the signs that are dropped in front of the ids of a normalised piece."""
        for sign in _NEGATIVE.finditer(normalised):
            start, before = self._offset + sign.start(), 0
            for replacement in self.found:
                grown = len(replacement.placeholder) - len(replacement.text)
                if replacement.rule == NEGATIVE_SIGN:
                    grown = 0  # `normalised` still has it
                if replacement.start >= start:
                    break
                start -= grown
                before += 1
            self.found.insert(before, Replacement(NEGATIVE_SIGN, _WHY_NEGATIVE, start, "-", ""))


def cleaned(line: str) -> str:
    """The line without colours and the space around it."""
    if "\x1b" in line:
        line = _COLOURS.sub("", line)
    return line.strip()


def normalise_line(line: str, *, values: bool = False, found: list[Replacement] | None = None) -> str:
    """The line without its noise, and without colours and space around it.

    With `values` the line belongs to an assertion: bare numbers are what was expected and found, and stay.
    What was replaced is appended to `found`.
    """
    line = cleaned(line)
    if _MAY_HOLD_NOISE.search(line) is None:
        return line
    if found is not None:
        return _normalise_and_record(line, found, values=values)
    replace = _replace_no_values if values else _replace
    if len(line) > CHUNK:
        return "".join([_normalise_piece(piece, replace) for piece in pieces(line)])
    return _normalise_piece(line, replace)  # most lines are one


def _normalise_and_record(line: str, found: list[Replacement], *, values: bool) -> str:
    parts = []
    offset = 0
    for piece in pieces(line):
        recorder = _Recorder(offset, values=values)
        parts.append(_normalise_piece(piece, recorder, recorder))
        found += recorder.found
        offset += len(piece)
    return "".join(parts)


def _normalise_piece(
    piece: str, replace: "Callable[[re.Match[str]], str]", recorder: _Recorder | None = None
) -> str:
    # The line's end in front is no part of a word and of no rule: it lets a word at the line's start be found.
    normalised = _NOISE.sub(replace, "\n" + piece)
    if _NEGATIVE_ID in normalised:
        if recorder:
            recorder.record_signs(normalised)
        normalised = _NEGATIVE.sub(ID, normalised)
    return normalised[1:]
