"""What counts as a secret, as a named list of rules. `secrets.py` applies them to text.

The shapes are those that vendors document for their tokens, and values behind names that tell of a secret. Where a
shape alone cannot tell (`token: identifier`, `password=${PASSWORD}`), a decision looks at the value.
"""

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

MARK = "[secret: "

Decision = Callable[["re.Match[str]"], bool]
"""Whether a match is a secret; asked where the pattern alone cannot tell."""


@dataclass(frozen=True, slots=True)
class SecretRule:
    """One shape of secret."""

    kind: str
    """Stands in the replacement."""
    needles: tuple[str | re.Pattern[bytes], ...]
    """A line must hold one of them before the pattern is tried: texts, in whatever case when they are lower-case,
    or patterns that begin with a letter of their own, which are found as fast."""
    pattern: re.Pattern[str]
    """Its group `secret` is replaced; without such a group, the whole match."""
    why: str
    """Where the shape is from, or what it catches."""
    decide: Decision | None = None
    cores: tuple[str, ...] = ()
    """Lower-case words at whose places alone the pattern is matched; empty: it is searched in the whole line."""
    worded: bool = False
    """A vendor's prefix, a hyphen or an underscore, and many letters: tried only where such words stand."""


# --- decisions -------------------------------------------------------------------------------------

_PLACEHOLDER = re.compile(
    r"""^(?: [*x.•#_\-=?]+ | <.*> | \$.* | \{.*\}? | %.*% | \[.*\]? | @.*@ | \(.*
        | (?:null|none|nil|undefined|true|false|yes|no|empty|unset|string|str|text|bytes?|int
        |integer|bool(?:ean)?|object|any|char|varchar|optional|required|secure|redacted|
            masked|hidden|removed|filtered|secret|password|passwd|token|changeme|example
            |dummy|placeholder|provided|given|missing|invalid|incorrect|wrong|expired|failed|error|ok|
            not|is|was|and|or|for|the|this|from|with|in|to|a|an|must|should|has|can|cannot
            |could|if|when|at|on|of|by|as|unknown|disabled|enabled|default|inherit|auto|found|set|eof
            |identifier|operator|keyword|literal|number|self|self\..*|os\.environ.*|process\.env.*
            |env\..*|secrets\..*)
        )$""",
    re.VERBOSE | re.IGNORECASE,
)
_CODE_VALUE = re.compile(
    r"^[A-Za-z_][\w.]*+(?:[(\[{]|\.\w|->|::|@[0-9a-f]+$)|^[A-Za-z]:\\|^\w+://|^[\d.,:+-]+$|^0x"
)
_PATH = re.compile(r"^[\w.~-]*+/")
_IDENTIFIER = re.compile(r"^[A-Za-z]+(?:[_\-.][A-Za-z]+)*+\W*$")
_UUID = re.compile(r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\W*$", re.IGNORECASE)
_HEX = re.compile(r"^[0-9a-fA-F-]+$")
_MIN_PASSWORD = 4
_MIN_TOKEN = 8
_MIN_ENTROPY_CHARS = 20
_MIN_ENTROPY = 3.6
"""Bits a character, Shannon. Random base64 of 20 characters has about 4.0, words and paths stay below 3.6."""


def _is_value(value: str) -> bool:
    """Whether a text may be anything but a stand-in for a value."""
    return not _PLACEHOLDER.match(value) and MARK not in value


def _is_code(value: str) -> bool:
    """Whether it reads as a call, a path, a URL or a number."""
    return _CODE_VALUE.match(value) is not None or (_PATH.match(value) is not None and not _is_mixed(value))


def _is_mixed(value: str) -> bool:
    """Whether upper case, lower case and digits change as often as chance has it (0.6), not as words do (0.2)."""
    kinds = [char.isdigit() + 2 * char.isupper() for char in value]
    changes = sum(one != other for one, other in pairwise(kinds))
    return len(value) >= _MIN_MIXED_CHARS and changes >= _MIN_CHANGES * len(value)


_MIN_MIXED_CHARS = 16
_MIN_CHANGES = 0.35


def _is_password(match: re.Match[str]) -> bool:
    """A password can be any word: it counts unless it reads as prose or code."""
    value = match["secret"]
    if len(value) < _MIN_PASSWORD or not _is_value(value) or _is_code(value):
        return False
    if match["quote"] or "=" in match["sep"] or not _IDENTIFIER.match(value):
        return True
    line_start = match.string[: match.start()]
    rest = match.string[match.end() :]
    return not rest.strip(" \t\r\n,;\"'}") and not line_start.strip(" \t-\"'{")


def _is_token(match: re.Match[str]) -> bool:
    """A token, key or secret looks made by a machine: letters and digits, no words only."""
    value = match["secret"]
    if len(value) < _MIN_TOKEN or not _is_value(value) or _is_code(value):
        return False
    if _is_mixed(value):
        return True
    return (
        not _IDENTIFIER.match(value)
        and any(char.isdigit() for char in value)
        and any(char.isalpha() for char in value)
    )


def _is_random(match: re.Match[str]) -> bool:
    """High entropy in a value behind a name that may or may not mean a secret. Digests are no secrets."""
    value = match["secret"]
    if len(value) < _MIN_ENTROPY_CHARS or _HEX.match(value) or not _is_value(value) or _is_code(value):
        return False
    kinds = (str.isupper, str.islower, str.isdigit)
    return all(any(kind(char) for char in value) for kind in kinds) and _entropy(value) >= _MIN_ENTROPY


def _entropy(text: str) -> float:
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


_OPTION = re.compile(r"(?<!\S)--?(?:[\w-]{0,30}-)?$")
_STRONG_KEY = re.compile(
    (
        r"(?:api|access|auth|account|private|secret|signing|encryption|master|license|shared"
        r"|subscription|consumer|app|deploy|storage|client|service|integration|admin)[_.-]?$"
    ),
    re.IGNORECASE,
)
_NAME_ROOM = 40
"""Characters before a word in which its option's or name's beginning is looked for."""


def _before(match: re.Match[str]) -> str:
    return match.string[max(0, match.start() - _NAME_ROOM) : match.start()]


def _is_option(match: re.Match[str]) -> bool:
    return _OPTION.search(_before(match)) is not None


def _is_password_argument(match: re.Match[str]) -> bool:
    """An option's argument may be any word; in prose (`password is …`) only letters with digits count."""
    value = match["secret"]
    if not _is_value(value) or _is_code(value):
        return False
    if _is_option(match) and match["verb"] is None:
        return True
    return match[0][:5].lower() in {"passw", "passp"} and _is_token(match)


def _is_token_argument(match: re.Match[str]) -> bool:
    value = match["secret"]
    if not _is_token(match):
        return False
    if _is_option(match) and match["verb"] is None:
        return True
    return match[0][:3].lower() != "key" and (len(value) >= _MIN_ENTROPY_CHARS and not _UUID.match(value))


def _is_named_token(match: re.Match[str]) -> bool:
    if match[0][:3].lower() == "key" and not _STRONG_KEY.search(_before(match)):
        return False
    return _is_token(match)


def _is_user_secret(match: re.Match[str]) -> bool:
    return _is_value(match["secret"])


def _is_url_token(match: re.Match[str]) -> bool:
    """A user name alone in a URL is a token when it is long and mixed."""
    value = match["secret"]
    return (
        any(char.isdigit() for char in value) and any(char.isalpha() for char in value) and _is_value(value)
    )


def _is_basic(value: str) -> bool:
    """Whether base64 decodes to `user:password`."""
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded and decoded.isascii() and decoded.decode("ascii").isprintable()


_COOKIE_ATTRIBUTES = frozenset(
    ("path", "expires", "max-age", "domain", "samesite", "version", "priority", "charset", "q")
)


def _is_cookie(match: re.Match[str]) -> bool:
    """A pair of a Cookie header: the header's name must stand before it in the line, and it is no attribute."""
    before = match.string[: match.start("secret")].lower()
    return (
        "cookie" in before and match["name"].lower() not in _COOKIE_ATTRIBUTES and _is_value(match["secret"])
    )


# --- the rules ------------------------------------------------------------------------------------


def _shape(kind: str, needles: str, pattern: str, why: str) -> SecretRule:
    """A token that is known by its own letters: it stands apart from the letters around it."""
    return SecretRule(kind, tuple(needles.split()), re.compile(rf"(?<![A-Za-z0-9])(?:{pattern})"), why)


def _worded(kind: str, needles: str, pattern: str, why: str) -> SecretRule:
    """A token of the form `prefix_…` or `prefix-…` with at least 18 letters, digits, `_` and `-` behind the prefix."""
    compiled = re.compile(rf"(?<![A-Za-z0-9])(?:{pattern})")
    return SecretRule(kind, tuple(needles.split()), compiled, why, worded=True)


_VALUE = r"""(?P<quote>\\?["'`])?(?P<secret>(?(quote)[^"'`\\\r\n]{1,4000}+|[^\s"'`,;&<>|\\)\]}]{1,4000}+))"""
_BLANK = r"(?P<sep>[ \t]{1,2}(?P<verb>(?:is|was|of|provided|used|value)[ \t]{1,2})?+)"
_ARGUMENT = r"""(?P<quote>["'])?(?P<secret>(?!-)(?(quote)[^"'\r\n]{4,4000}+|[^\s"'`;&|<>\x1b]{4,4000}+))"""
_SEP = r"""(?P<sep>\\?["'`]?(?:\s\[[^\]]{0,30}\])?\s{0,3}(?:=>|:=|==?|:)\s{0,3})"""

_CAPITAL_A = re.compile(rb"A(?:KIA|SIA|BIA|CCA|Iza|KCp|TBB|T[AC]TT3)")
_SHORT_OPTION = re.compile(rb" -(?:[upwa]|-user)")

RULES: tuple[SecretRule, ...] = (
    _shape(
        "jwt",
        "eyJ",
        r"eyJ[\w-]{8,}+\.eyJ[\w-]{8,}+(?:\.[\w-]*+){1,3}",
        "RFC 7519: base64 of a JSON header and claims",
    ),
    _worded(
        "github token",
        "ghp_ gho_ ghu_ ghs_ ghr_",
        r"gh[pousr]_[A-Za-z0-9]{30,255}+",
        "GitHub's documented prefixes",
    ),
    _worded("github token", "github_pat_", r"github_pat_\w{22,255}+", "GitHub's fine-grained tokens"),
    _worded(
        "gitlab token",
        "glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glagent- gloas-",
        r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas)-[\w.-]{18,}+",
        "GitLab's documented prefixes",
    ),
    _worded(
        "slack token",
        "xoxa- xoxb- xoxc- xoxe- xoxe. xoxo- xoxp- xoxr- xoxs- xapp-",
        r"(?:xox[abceoprs]|xapp)[-.][\w.-]{18,}+",
        "Slack's documented prefixes",
    ),
    SecretRule(
        "slack webhook",
        ("hooks",),
        re.compile(r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[\w/+-]{16,}+)"),
        "whoever knows the path can post",
    ),
    SecretRule(
        "discord webhook",
        ("hooks",),
        re.compile(r"discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/(?P<secret>[\w-]{30,}+)"),
        "whoever knows the path can post",
    ),
    SecretRule(
        "aws access key",
        (_CAPITAL_A,),
        re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
        "AWS IAM: unique id prefixes",
    ),
    SecretRule(
        "google key",
        (_CAPITAL_A, "ya29."),
        re.compile(r"(?<![A-Za-z0-9])(?:AIza[\w-]{35}|ya29\.[\w-]{20,}+)"),
        "Google Cloud API keys, OAuth tokens and client secrets",
    ),
    _worded("google key", "GOCSPX-", r"GOCSPX-[\w-]{20,}+", "Google's OAuth client secrets"),
    SecretRule(
        "azure key",
        ("Q~",),
        re.compile(r"(?<![\w~.-])[\w~.-]{3}[78]Q~[\w~.-]{31,34}"),
        "Entra client secrets",
    ),
    SecretRule(
        "azure key",
        ("key", "sig"),
        re.compile(
            r"(?:AccountKey|SharedAccessKey|[?&;]sig|X-(?:Amz|Goog)-Signature)=(?P<secret>[\w+/%-]{20,}+={0,3})",
            re.IGNORECASE,
        ),
        "storage keys and shared access signatures",
    ),
    _worded(
        "stripe key",
        "k_live_ k_test_ whsec_",
        r"[rsp]k_(?:live|test)_[A-Za-z0-9]{14,}+|whsec_[A-Za-z0-9+/=]{20,}+",
        "Stripe's documented prefixes",
    ),
    _worded("npm token", "npm_", r"npm_[A-Za-z0-9]{30,}+", "npm's documented prefix"),
    _worded("pypi token", "pypi-", r"pypi-[\w-]{50,}+", "PyPI's documented prefix"),
    _worded("anthropic key", "sk-ant-", r"sk-ant-[\w-]{16,}+", "Anthropic's prefix"),
    _worded(
        "openai key",
        "sk-",
        r"sk-(?:proj-|svcacct-|admin-|None-|or-v1-)[\w-]{16,}+|sk-[A-Za-z0-9]{32,}+",
        "OpenAI's prefixes, also of compatible services",
    ),
    _worded(
        "huggingface token", "hf_ api_org_", r"(?:hf|api_org)_[A-Za-z0-9]{30,}+", "Hugging Face's prefix"
    ),
    _shape("sendgrid key", "SG.", r"SG\.[\w-]{16,32}+\.[\w-]{16,64}+", "SendGrid's documented shape"),
    _worded("docker token", "dckr_", r"dckr_[a-z]{3}_[\w-]{20,}+", "Docker Hub's prefix"),
    _shape("vault token", "hvs.", r"hvs\.[\w-]{20,}+", "HashiCorp Vault's prefixes"),
    SecretRule(
        "terraform token",
        (".atlasv1.",),
        re.compile(r"(?<!\w)\w{14}\.atlasv1\.[\w-]{60,}+"),
        "HCP Terraform's shape",
    ),
    _worded(
        "vendor token",
        (
            "dop_v1_ doo_v1_ dor_v1_ shpat_ shpca_ shppa_ shpss_ rubygems_ glsa_ glc_ sntrys_"
            " lin_api_ sqp_ squ_ sqa_ nvapi- gsk_ xai- PMAK- NRAK- CCIPAT_ bkua_ pul-"
            " AGE-SECRET-KEY-1 nfp_ sbp_ tskey- r8_ pplx- fo1_ figd_ secret_ ntn_"
        ),
        (
            r"do[opr]_v1_[a-f0-9]{40,}+|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|rubygems_[a-f0-9]{40,}+"
            r"|glsa_\w{32,}+|glc_[\w+/=]{32,}+|sntrys_[\w+/=]{40,}+|lin_api_\w{32,}+"
            r"|sq[pua]_[a-f0-9]{40}"
            r"|nvapi-[\w-]{32,}+|gsk_\w{40,}+|xai-\w{40,}+|PMAK-[\w-]{40,}+|NRAK-[A-Z0-9]{27}"
            r"|CCIPAT_\w{30,}+|bkua_[a-f0-9]{40}|pul-[a-f0-9]{40}|AGE-SECRET-KEY-1[A-Z0-9]{50,}+"
            r"|nfp_\w{36,}+|sbp_[a-f0-9]{40}|tskey-[\w-]{20,}+|r8_\w{36,}+|pplx-\w{40,}+"
            r"|fo1_[\w-]{40,}+|figd_[\w-]{36,}+|(?:secret|ntn)_[A-Za-z0-9]{40,}+"
        ),
        "prefixes that further vendors document",
    ),
    SecretRule(
        "telegram token",
        (":AA",),
        re.compile(r"(?<!\d)\d{8,10}:AA[\w-]{32,34}(?![\w-])"),
        "Telegram's bot tokens",
    ),
    _worded("mailgun key", "key-", r"key-[0-9a-f]{32}(?!\w)", "Mailgun's shape"),
    SecretRule(
        "vendor token",
        ("dapi", _CAPITAL_A),
        re.compile(r"(?<![A-Za-z0-9])(?:dapi[a-f0-9]{32}|AKCp\w{40,}+|AT[AC]TT3[\w=-]{60,}+|ATBB\w{24,}+)"),
        "prefixes that further vendors document",
    ),
    SecretRule(
        "authorization",
        ("auth",),
        re.compile(
            r"""(?i)authorization\\?["']?\s{0,3}[:=]\s{0,3}\\?["']?(?!digest\b|aws4)(?:(?:basic"""
            r"""|bearer|token|negotiate|ntlm|apikey|bot|splunk)\s{1,3})?+"""
            r"""(?P<secret>[^\s"'\\,;<>\[(]{6,}+)"""
        ),
        "the HTTP header, whatever its scheme",
        _is_user_secret,
    ),
    SecretRule(
        "authorization",
        ("auth",),
        re.compile(r"""(?i)\b(?:signature|response)=\\?"?(?P<secret>[0-9a-f]{32,}+)"""),
        "what proves the caller in Digest and in AWS's header",
        lambda match: "authorization" in match.string.lower(),
    ),
    SecretRule(
        "authorization",
        ("bearer ",),
        re.compile(r"(?i)\bbearer\s{1,3}(?P<secret>[\w.~+/-]{16,}+={0,3})"),
        "a bearer token anywhere",
        _is_token,
    ),
    SecretRule(
        "authorization",
        ("basic ",),
        re.compile(r"\b[Bb]asic\s{1,3}(?P<secret>[A-Za-z0-9+/]{12,}+={0,2})(?![\w.])"),
        "base64 of user and password",
        lambda match: _is_basic(match["secret"]),
    ),
    SecretRule(
        "cookie",
        ("cookie",),
        re.compile(
            r"""(?i)\bset-cookie2?\\?["']?\s{0,3}[:=]\s{0,3}\\?["'\[]{0,2}[\w.%!-]{1,100}="""
            r"""(?P<secret>[^\s;"',\\]{1,4000}+)"""
        ),
        "the first pair of a Set-Cookie header",
    ),
    SecretRule(
        "cookie",
        ("cookie",),
        re.compile(
            r"""(?i)(?:(?<![\w-])cookie\\?["']?\s{0,3}:\s{0,3}\\?["'\[]{0,2}|(?<=[\w\]];)\s?)"""
            r"""(?P<name>[\w.%!-]{1,100})=(?P<secret>[^\s;"',\\]{1,4000}+)"""
        ),
        "each pair of a Cookie header",
        _is_cookie,
    ),
    SecretRule(
        "url password",
        ("@",),
        re.compile(
            r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s/?#@:\"'<>]{0,200}:"
            r"(?P<secret>[^\s/?#\"'<>@]{1,300}(?:@[^\s/?#\"'<>@]{1,300}){0,3})@(?=[\w\[$%{-])"
        ),
        "user information in a URL (RFC 3986)",
        _is_user_secret,
    ),
    SecretRule(
        "url token",
        ("@",),
        re.compile(r"(?<![A-Za-z0-9])https?://(?P<secret>[\w.~%-]{20,300}+)@(?=\w)"),
        "a token as the user of a URL",
        _is_url_token,
    ),
    SecretRule(
        "password",
        ("pass", "pwd"),
        re.compile(
            r"(?:(?i:passw(?:or)?d|passphrase|(?<![A-Za-z])pwd|(?<=[_.-])pass)|(?<![A-Za-z])[Pp]ass|(?<=[_.])PASS)"
            rf"(?i:[_.-]?(?:\d|hash|value|text|str|key)\w{{0,8}})?{_SEP}{_VALUE}"
        ),
        "a value assigned to a password",
        _is_password,
        cores=("pass", "pwd"),
    ),
    SecretRule(
        "password",
        ("pass", "pwd"),
        re.compile(rf"(?i)(?:passw(?:or)?d|passphrase|pass|pwd){_BLANK}{_ARGUMENT}"),
        "a password as an argument of its own",
        _is_password_argument,
        cores=("pass", "pwd"),
    ),
    SecretRule(
        "password",
        (_SHORT_OPTION,),
        re.compile(
            r"""(?:\b(?:mysql\w*|sshpass|mongo\w*|docker\ login|ldap\w+)\b[^\n|;]{0,200}?\s-[pw]\ ?
                | \bredis-cli\b[^\n|;]{0,200}?\s-a\s | \bcurl\b[^\n|;]{0,300}?\s(?:-u\ ?
                |--user[ =])["']?[^\s:"']{1,100}:)
                ["']?(?P<secret>(?!-)[^\s"'|;]{4,200}+)""",
            re.VERBOSE,
        ),
        "short options of well-known clients",
        _is_user_secret,
    ),
    SecretRule(
        "password",
        ("pass",),
        re.compile(r"(?i)\blogin\s{1,4}\S{1,100}\s{1,4}password\s{1,4}(?P<secret>\S{4,200}+)"),
        "a record of .netrc",
        _is_user_secret,
    ),
    SecretRule(
        "password",
        ("</",),
        re.compile(
            r"(?i)<[\w:.-]{0,40}(?:password|passphrase|passwd|pass|pwd|secret|token|key)>"
            r"(?P<secret>[^<>\s]{4,400}+)</"
        ),
        "an XML element (Maven's settings)",
        _is_user_secret,
    ),
    SecretRule(
        "secret",
        ("secret", "token", "key", "auth", "cred"),
        re.compile(
            r"(?i)(?:(?:secret|token)s?|key|credentials?|(?<![a-z])auth)"
            rf"(?:[_.-]?(?:id|key|token|value|hash|base64|base|b64|\d)){{0,2}}{_SEP}{_VALUE}"
        ),
        "a value assigned to a secret, a token or a key",
        _is_named_token,
        cores=("secret", "token", "key", "auth", "cred"),
    ),
    SecretRule(
        "secret",
        ("secret", "token", "key"),
        re.compile(rf"(?i)(?:secret|token|key){_BLANK}{_ARGUMENT}"),
        "a token as an argument of its own",
        _is_token_argument,
        cores=("secret", "token", "key"),
    ),
    SecretRule(
        "secret",
        ("key", "auth", "cred", "sig", "session"),
        re.compile(rf"(?i)(?:key|auth|cred(?:ential)?s?|signature|session(?:[_-]?id)?){_SEP}{_VALUE}"),
        "a random value behind a name that may mean a secret",
        _is_random,
        cores=("key", "auth", "cred", "signature", "session"),
    ),
)

EMAIL = SecretRule(
    "e-mail address",
    ("@",),
    re.compile(r"(?<![\w.+%/:-])[\w.+%-]{1,64}+@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w@/-])"),
    "personal data, removed only where asked",
)
