"""What changes from run to run in a line of text, as a named and ordered list of rules.

Enters: one line of an error message or a stack trace. Leaves: the line with its noise replaced by placeholders.
`signature.py` calls it; `RULES` is the whole truth about what counts as noise and what does not.

How a line is read: a fast scan looks for the places where noise can start (a digit or a hexadecimal word at the
start of a word, a slash, an at sign ...). There the rules that can start with that character are tried in the
order of `RULES`; the first that matches decides, and reading goes on behind its match. A rule with an empty
placeholder *protects*: it keeps its match as it stands, so that no later rule touches it.

All ids and numbers share one placeholder: a digest can by chance consist of digits only, and must then still
equal its brothers.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

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
_NAME_SIGNS = "bcdfghjklmnpqrstvwxz2456789"
"""The alphabet of Kubernetes' generated name suffixes (k8s.io/apimachinery, util/rand): no vowels, no 0, 1, 3."""

Decision = Callable[["re.Match[str]", bool], str | None]
"""Gets a rule's match and whether the numbers of this text are values; gives the replacement, or None to keep."""


@dataclass(frozen=True, slots=True)
class NoiseRule:
    """One kind of noise (or of protected text)."""

    name: str
    starts: str
    """The characters that a match can start with; the key to reading fast."""
    pattern: str
    """Matched where noise can start. Repetitions are bounded or possessive, so that it runs in linear time."""
    placeholder: str
    """What replaces the match; empty when the match is protected."""
    why: str
    masks: tuple[tuple[str, str], ...] = ()
    """Examples: a text and what becomes of it under all rules."""
    keeps: tuple[str, ...] = ()
    """Examples that the rules leave as they are."""
    decide: Decision | None = None
    signed: bool = False
    """Whether a minus sign in front belongs to the match (hash codes and 64-bit ids are negative half of the time)."""
    """Has the last word where a pattern alone cannot tell; replaces `placeholder`."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """One piece of noise that was found."""

    rule: str
    text: str
    placeholder: str


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

_NAME_WIDTH = 24
"""Characters before a joined number in which its word is looked for."""

_SHORT_NUMBER = 3
"""Digits of a number that may be part of a name (rhel-9, python-312); http statuses have as many."""

_LONGEST_NAME_NUMBER = 4
"""Digits: a year is the longest number that people put behind an underscore."""

_WORD_BEFORE = re.compile(r"([A-Za-z]+)[^A-Za-z]*+\Z")
_WORD_BEFORE_HYPHEN = re.compile(r"([A-Za-z]++)(?:[-_][0-9]++)*+[-_]\Z")
_HOST_BEFORE = re.compile(r"(?:[.][A-Za-z]{2,}|[0-9]|\blocalhost|[\]>]|\bports?)[ :=]{1,2}+\Z")
_UPPER_BEFORE = re.compile(r"\b[A-Z]{2,}+(?:-[0-9]++)*+\Z")
_POD_BEFORE = re.compile(r"\b[Pp]ods?[/ \"'=:]{1,3}+(?:[a-z0-9]++-?+)*+\Z")
_COMPARED = re.compile(
    r"(?:[=!<>]=|<>|[<>] ?|\bis|\bnot|\bwas|\bbe|\bequals?|\bthan|\bgot|\bwant|\bhave)[ <:'\"(]*+\Z"
)
_SEPARATORS = " \t=:#'\"([<{,.-_/"


def _context(match: "re.Match[str]", width: int = 40) -> str:
    start = match.start()
    return match.string[max(0, start - width) : start]


def _names_a_code(before: str) -> bool:
    word = _WORD_BEFORE.search(before)
    return (
        word is not None and word[1].lower() in _CODES and before[word.end(1) :].strip(_SEPARATORS) == ""
    ) or (_ENDED_WITH.search(before) is not None)


def _decide_hexadecimal(match: "re.Match[str]", values: bool) -> str | None:  # noqa: FBT001 - the protocol of decisions
    before = _context(match)
    if _names_a_code(before):
        return None
    short = len(match[0]) <= 10  # noqa: PLR2004 - 0x and eight digits: a 32-bit constant
    if values and short and not before.endswith((" at ", "| ", "@")):
        return None
    return ADDRESS


def _decide_port(match: "re.Match[str]", values: bool) -> str | None:  # noqa: FBT001 - as above
    port = match[0]
    if not values and len(port) <= _SHORT_NUMBER and not _HOST_BEFORE.search(_context(match)):
        return ID  # clipTopAmount:180
    return ID if int(port) >= _FIRST_RANDOM_PORT and port not in _SERVICE_PORTS else None


def _decide_pod(match: "re.Match[str]", values: bool) -> str | None:  # noqa: FBT001, ARG001 - as above
    suffix = match[0].rpartition("-")[2]
    if suffix.isdecimal():
        return None if _UPPER_BEFORE.search(_context(match)) else "-" + ID
    return None if suffix in _CONSONANT_NAMES else "-" + ID


def _decide_joined(match: "re.Match[str]", values: bool) -> str | None:  # noqa: FBT001, ARG001 - as above
    """Whether a number behind a hyphen or underscore is an instance's number or part of a name."""
    at = match.start()
    word = _WORD_BEFORE_HYPHEN.search(match.string, max(0, at - _NAME_WIDTH), at)
    name = word[1] if word else ""
    lower = name.lower()
    if lower in _COUNTED and name != name.upper():
        return ID + (match["file"] or "")
    if name.isupper() and len(name) > 1:
        return None  # ORA-00942, CVE-2021-44228, a tracker's key
    digits = len(match["digits"])
    if digits <= _SHORT_NUMBER and lower in _NAMES_WITH_NUMBERS:
        return None
    is_instance = digits > _LONGEST_NAME_NUMBER or (  # underscores join long ids too
        match.string[at - 1] == "-"
        and (
            match["file"] is not None
            or digits >= _SHORT_NUMBER
            or _POD_BEFORE.search(_context(match)) is not None
        )
    )
    return ID + (match["file"] or "") if is_instance else None


def _decide_number(match: "re.Match[str]", values: bool) -> str | None:  # noqa: FBT001 - as above
    """Whether a number that stands alone identifies and counts (noise) or says which error it is."""
    before = _context(match)
    number = match[0]
    word = _WORD_BEFORE.search(before)
    last = word[1].lower() if word is not None and not before[word.end(1) :].strip(_SEPARATORS) else ""
    if last in {"port", "ports"} and number.isdecimal():
        return _decide_port(match, values)
    if last in _COUNTED and not values:
        return ID
    is_status = number in _HTTP_STATUSES and before.rstrip()[-1:] not in {"=", ":"}
    if values or is_status or last in _CODES or _ENDED_WITH.search(before) or _COMPARED.search(before):
        return None
    after = match.string[match.end() : match.end() + 3]
    is_compared = after.lstrip()[:2] in {"==", "!=", ">=", "<="}
    is_code = (
        len(number) <= _SHORT_NUMBER and before.endswith((" (", " [", ":(", ":[")) and after[:1] in {")", "]"}
    )
    return None if is_compared or is_code else ID


_CONSONANT_NAMES = _words("dhcpd grpcs httpd https httpx mssql pgsql xhtml")
"""Names of five consonants that people give things, which would else be taken for generated suffixes."""

# --- the rules -----------------------------------------------------------------------------------

_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}+"
_CLOCK = r"[0-2]?[0-9]:[0-5][0-9](?::[0-6][0-9](?:[.,][0-9]{1,9}+)?)?(?: ?[AaPp][Mm]\b)?"
_ZONE = r"(?: ?(?:Z\b|UTC|GMT|CES?T|[ECMP][SD]T)| ?[+-][0-9]{2}:?[0-9]{2}(?![0-9]))?"
_END = r"(?![0-9A-Za-z])"

RULES: tuple[NoiseRule, ...] = (
    NoiseRule(
        name="http-date",
        starts="MTWFSJAOND" + _DIGITS,
        pattern=rf"(?:{_DAY}[a-z]{{0,6}}+,? )?(?:[0-3]?[0-9][ -]{_MONTH}|{_MONTH} {{1,2}}[0-3]?[0-9]),?"
        rf"(?:[ -][0-9]{{4}}(?![0-9:]))?(?:(?:,| at)? ?{_CLOCK}{_ZONE}(?: [12][0-9]{{3}}\b)?)?{_END}",
        placeholder=TIME,
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
        rf"(?:(?:T|[ _:,]| @ ){_CLOCK}{_ZONE})?{_END}(?!\.[0-9])",
        placeholder=TIME,
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
        placeholder=ID,
        why="20260410T004128Z and its kind in names of runs; shares the placeholder of numbers.",
        masks=(("in run-20260410T004128Z here", "in run-<id> here"),),
    ),
    NoiseRule(
        name="uuid",
        starts=_HEX,
        pattern=rf"[0-9a-fA-F]{{8}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{12}}{_END}",
        placeholder=ID,
        why="A new one each run.",
        masks=(("txn e173af9b-ef9d-161d-df01-964dd27006e2 lost", "txn <id> lost"),),
    ),
    NoiseRule(
        name="mac-address",
        starts=_HEX,
        pattern=rf"[0-9a-fA-F]{{2}}(?:[:-][0-9a-fA-F]{{2}}){{5}}{_END}",
        placeholder=ADDRESS,
        why="Virtual machines and containers get a new one each.",
        masks=(("nic 52:54:00:ab:cd:0f down", "nic <addr> down"),),
    ),
    NoiseRule(
        name="ipv6",
        starts=_HEX,
        pattern=r"(?=[a-fA-F:]{0,30}+[0-9])(?:(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}"
        r"|(?:[0-9a-fA-F]{1,4}:){1,6}(?::[0-9a-fA-F]{1,4}){1,6}+|(?:[0-9a-fA-F]{1,4}:){1,7}:)(?:%[a-z0-9]{1,15}+)?"
        + _END,
        placeholder=ADDRESS,
        why="As IPv4. Needs all eight groups or a double colon, so that times of day are none.",
        masks=(("to [fe80::1ff:fe23:4567:890a]:54321 failed", "to [<addr>]:<id> failed"),),
        keeps=("std::dec::be",),
    ),
    NoiseRule(
        name="ipv4",
        starts=_DIGITS,
        pattern=r"(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}"
        r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?![0-9A-Za-z]|\.[0-9])",
        placeholder=ADDRESS,
        why="Handed out anew; which host is meant is said by its name.",
        masks=(("host='10.209.81.73', port=54835", "host='<addr>', port=<id>"),),
    ),
    NoiseRule(
        name="build-version",
        starts=_DIGITS,
        pattern=r"[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{3,5}\.[0-9]{1,4}(?![0-9A-Za-z.])",
        placeholder="",
        why="Browsers and drivers update themselves between runs; the major version stays.",
        masks=(("(Session info: chrome=126.0.6478.32)", "(Session info: chrome=126.<id>)"),),
        decide=lambda match, _values: match[0].partition(".")[0] + "." + ID,
    ),
    NoiseRule(
        name="version",
        starts=_DIGITS,
        pattern=r"[0-9]{1,4}(?:\.[0-9]{1,4}){2,3}+(?![0-9])",
        placeholder=KEEP,
        why="1.2.3 is not a number. Which version is often the error.",
        keeps=("requires numpy 1.26.4",),
    ),
    NoiseRule(
        name="memory-address",
        starts="0",
        pattern=rf"0[xX][0-9a-fA-F]{{3,16}}+{_END}",
        placeholder=ADDRESS,
        why="Pointers, object addresses, program counters. Codes (HRESULT = 0x80070005) and short constants stay.",
        masks=(
            ("<Conn object at 0x9211d9b963cc>", "<Conn object at <addr>>"),
            ("pc=0x8f5501419bf4]", "pc=<addr>]"),
        ),
        keeps=("HRESULT = 0x80070005", "exit code 0xC0000005", "code=0x1"),
        decide=_decide_hexadecimal,
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
        pattern=rf"-(?:[{_NAME_SIGNS}]{{6,10}}-)?[{_NAME_SIGNS}]{{5}}(?![0-9A-Za-z_-])",
        placeholder="-" + ID,
        why="Generated names of pods, jobs and builds; its alphabet has no vowels, so words are safe.",
        masks=(
            ('pods "api-7d4b9c6f8d-x2x9z" gone', 'pods "api-<id>" gone'),
            ("build sample-build-zmcbd late", "build sample-build-<id> late"),
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
        pattern=r"(?:/private)?/(?:tmp|var/tmp|var/folders/[^/\s'\"]{1,40}/[^/\s'\"]{1,60}/T)/"
        r"(?:pytest-of-[^/\s'\"]{1,40}/pytest-[0-9]{1,9}/"
        r"|tmp[._]?[A-Za-z0-9_]{8,10}/|(?=[^0-9/\s'\"]{0,200}+[0-9])[^/\s'\"]{1,200}/)?",
        placeholder=TEMPORARY + "/",
        why="A folder made for this run, known by its number or random name; what lies below it keeps its name.",
        masks=(
            ("'/tmp/pytest-of-root/pytest-184/test_a0/report-378.json'", "'<tmp>/test_a0/report-<id>.json'"),
            ("in /tmp/tmpab3x_9qz/out.txt", "in <tmp>/out.txt"),
        ),
        keeps=("no /tmpfs here",),  # the words of a folder stay: /tmp/reports/a is not /tmp/config/a
    ),
    NoiseRule(
        name="temporary-name",
        starts="t",
        pattern=r"(?:tmp|temp)[._-]?(?=[A-Za-z_]{0,12}+[0-9])[A-Za-z0-9_]{6,20}+(?![A-Za-z0-9_])",
        placeholder=TEMPORARY,
        why="mkstemp's and mktemp's names. Must hold a digit: temp_settings is a name.",
        keeps=("no temp_settings", "no tmplocation"),
        masks=(("below <tmp>/tmpab3x_9qz", "below <tmp>/<tmp>"),),
    ),
    NoiseRule(
        name="workspace-path",
        starts="/",
        pattern=r"(?:/home/runner/work/"
        r"|/(?:[^/\s'\":]{1,60}/){0,5}?(?:workspace|_work)/)"
        r"[^/\s'\":]{1,120}(?:@[0-9]{1,3})?(?=/)",
        placeholder=WORKSPACE,
        why="Where the checkout of this run stands.",
        masks=(
            ("/home/runner/work/3303/tests/a.ts", "<workspace>/tests/a.ts"),
            ("'/var/lib/jenkins/workspace/nightly-12/target/x-7.tmp'", "'<workspace>/target/x-<id>.tmp'"),
        ),
        keeps=("/opt/agent/plugins/a.so", "/api/builds/main/log"),
    ),
    NoiseRule(
        name="numbered-host",
        starts=_DIGITS,
        pattern=r"(?<=[a-z-])[0-9]{1,4}(?:\.[a-z][a-z-]{0,30}+[0-9]{0,4}+){2,6}+(?![0-9A-Za-z(:.]*\()",
        placeholder="",
        why="Numbered nodes of one farm are interchangeable; the words of their names are not.",
        masks=(
            ('host "worker-3.ci8.example.com" (10.1.2.3)', 'host "worker-<id>.ci<id>.example.com" (<addr>)'),
        ),
        decide=lambda match, _values: re.sub(r"[0-9]+", ID, match[0]),
    ),
    NoiseRule(
        name="source-line",
        starts=_DIGITS,
        pattern=r"(?:(?<=\.[jtr]s:)|(?<=\.(?:go|py|kt|rb|cs|cc):)|(?<=\.(?:tsx|jsx|mjs|cjs|php|cpp):)|(?<=\.(?:java):)"
        r"|(?<=\.scala:)|(?<=\.(?:c|h):)|(?<=\.swift:))[0-9]{1,7}(?::[0-9]{1,5})?(?![0-9])",
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
        rf"(?:[0-9]{{1,3}}:[0-5][0-9]:[0-6][0-9](?:[.,][0-9]{{1,9}}+)?|[0-2][0-9]:[0-5][0-9])"
        rf"(?: ?[AaPp][Mm]\b)?{_ZONE}{_END}(?!:)",
        placeholder=TIME,
        why="A clock's reading without a date, or a length of time as hours, minutes and seconds.",
        masks=(("lifetime 00:01 then 13:24:52.316", "lifetime <time> then <time>"),),
    ),
    NoiseRule(
        name="duration",
        starts=_DIGITS,
        pattern=r"[0-9]{1,15}+(?:[.,][0-9]{1,9}+)?+(?:h(?:[0-9]{1,4}m)?(?:[0-9]{1,4}(?:\.[0-9]{1,9}+)?s)?"
        r"|m(?:[0-9]{1,4}(?:\.[0-9]{1,9}+)?s)?|[ -]?"
        r"(?:ns|us|\u00b5s|msecs?|millis|milliseconds?|ms|microseconds?|nanoseconds?"
        r"|seconds?|secs?|s|minutes?|mins?|hours?|hrs?|days?|ticks?))(?![0-9A-Za-z])",
        placeholder=QUANTITY,
        why="How long it took or was waited for.",
        masks=(
            ("after 875 ms", "after <quantity>"),
            ("Timeout 30000ms exceeded", "Timeout <quantity> exceeded"),
            ("within 15m0s", "within <quantity>"),
            ("took 1.25 seconds", "took <quantity>"),
        ),
    ),
    NoiseRule(
        name="size",
        starts=_DIGITS,
        pattern=r"[0-9]{1,15}+(?:[.,][0-9]{1,9}+)?[ -]?"
        r"(?:[kKMGTP]i?[Bb]|[KMG]i|bytes?|B|%|bps|[KMG]bps|[KMG]?Hz)(?![0-9A-Za-z])",
        placeholder=QUANTITY,
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
        placeholder="",
        why="Ports the system hands out. A chosen port says which service: 5432 is not 6379.",
        masks=(("0.0.0.0:31476 failed", "<addr>:<id> failed"),),
        keeps=("connect to db:5432", "connect to cache:6379", "at mongo:27017"),
        decide=_decide_port,
    ),
    NoiseRule(
        name="joined-number",
        starts=_DIGITS,
        pattern=r"(?<=[A-Za-z0-9_>][-_])(?P<digits>[0-9]{1,20}+)(?![0-9A-Za-z])(?P<file>\.[a-z]{2,5}\b)?+",
        signed=True,
        placeholder="",
        why="vm-1718246873582, pool-11-thread-3, nightly-1268. Error codes and names with a version stay.",
        masks=(
            ("VMI vm-rhel-1756597556498-1745359002433 is", "VMI vm-rhel-<id>-<id> is"),
            ("[pool-11-thread-3]", "[pool-<id>-thread-<id>]"),
            ("pod web-0 and pod web-12", "pod web-<id> and pod web-<id>"),
        ),
        keeps=("ORA-00942: no table", "in utf-8", "on rhel-9", "CVE-2021-44228", "sha-256"),
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
        signed=True,
        placeholder=ID,
        why="Counts and ids in prose. Codes, HTTP statuses and the values of an assertion are not noise.",
        masks=(
            ("goroutine 304 [running]:", "goroutine <id> [running]:"),
            ("Timed Out: 156.80", "Timed Out: <id>"),
            ("read 1,234,567 rows", "read <id> rows"),
            ("attempt 3 of 5", "attempt <id> of <id>"),
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


def _joined_alternatives() -> dict[str, "re.Pattern[str]"]:
    """For each character that noise can start with, the rules that apply there, as one pattern."""
    made: dict[tuple[int, ...], re.Pattern[str]] = {}
    table = {}
    for character in sorted({character for rule in RULES for character in rule.starts}):
        numbers = tuple(number for number, rule in enumerate(RULES) if character in rule.starts)
        if numbers not in made:
            made[numbers] = re.compile(
                "|".join(f"(?P<rule{number}>{RULES[number].pattern})" for number in numbers)
            )
        table[character] = made[numbers]
    return table


_ALTERNATIVES = _joined_alternatives()
_RULE_OF_GROUP = {f"rule{number}": rule for number, rule in enumerate(RULES)}

_START = re.compile(
    # The set in front lets the regex engine skip everything else at full speed; the assertions behind it look at the
    # character just read.
    r"[0-9a-fA-FMTWSJOND@/#t-](?:(?<![0-9A-Za-z].)(?:"
    r"(?<=[0-9])"
    r"|(?<=[a-fA-F])(?=[0-9a-fA-F]{0,64}+(?<=[0-9])|[a-fA-F]{0,40}+[0-9]|[0-9a-fA-F]{0,4}+:|[0-9a-fA-F]{7}-)"
    r"|(?<=[MTWFSJAOND])(?=[a-z]{2,8}+,?[ -])"
    r"|(?<=t)(?=mp|emp)"
    r"|(?<=/)(?<![_.>/].)(?=[A-Za-z._])"
    r")|(?<=[@#-])(?:(?<=@)(?=[0-9a-f]{5})|(?<=\#)(?=[0-9])"
    r"|(?<=[A-Za-z0-9]-)(?=[bcdfghjklmnpqrstvwxz2-9]{5})))"
)
_BEFORE_SIGN = frozenset(" _=:([{,;|'\"#") | {""}
_MAY_HOLD_NOISE = re.compile(r"[0-9@/]|-[bcdfghjklmnpqrstvwxz]{5}")
_COLOURS = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")


def pieces(text: str) -> Iterator[str]:
    """The text in pieces of at most CHUNK characters, cut at spaces where there are any."""
    start = 0
    while len(text) - start > CHUNK:
        end = text.rfind(" ", start + CHUNK // 2, start + CHUNK)
        end = start + CHUNK if end < 0 else end
        yield text[start:end]
        start = end
    yield text[start:]


def normalise_line(line: str, *, values: bool = False, found: list[Replacement] | None = None) -> str:
    """The line without its noise, and without colours and space around it.

    With `values` the line belongs to an assertion: bare numbers are what was expected and found, and stay.
    What was replaced is appended to `found`.
    """
    if "\x1b" in line:
        line = _COLOURS.sub("", line)
    line = line.strip()
    if _MAY_HOLD_NOISE.search(line) is None:
        return line
    if len(line) > CHUNK:
        return "".join(_normalise_piece(piece, values=values, found=found) for piece in pieces(line))
    return _normalise_piece(line, values=values, found=found)


def _normalise_piece(line: str, *, values: bool, found: list[Replacement] | None) -> str:
    parts: list[str] = []
    done = 0
    looked = 0
    while (start := _START.search(line, looked)) is not None:
        at = start.start()
        match = _ALTERNATIVES[line[at]].match(line, at)
        if match is None:
            looked = at + 1
            continue
        rule = _RULE_OF_GROUP[match.lastgroup or ""]
        replacement = rule.decide(match, values) if rule.decide else rule.placeholder or None
        end = match.end()
        if replacement is not None:
            if rule.signed and at > done and line[at - 1] == "-" and line[at - 2 : at - 1] in _BEFORE_SIGN:
                at -= 1
            parts += (line[done:at], replacement)
            if found is not None:
                found.append(Replacement(rule.name, line[at:end], replacement))
        else:
            parts.append(line[done:end])
        done = looked = end
    if not parts:
        return line
    parts.append(line[done:])
    return "".join(parts)
