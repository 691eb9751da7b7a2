"""Which log statement wrote a line: the line with everything replaced that the statement was given to print.

Enters: one line of a console or log, best without its time stamp. Leaves: its template, in which `<*>` stands for every
value; lines of one statement mostly share it. It is looser than `noise.py` on purpose, and no part of the signature:
that keeps what says *which* failure it is (exit codes, ports of services, element names), this takes every value away,
so that repeated lines can be counted and messages compared.

`RULES` is the whole truth. They are applied one after the other to the whole line; each says why what it replaces is a
value in programs at large. None was made for one program's log, and none learns: a line's template depends on nothing
but the line. What cannot be told from the line alone stays: a value that is a plain word without a sign around it
("mounted volume backup").

Three observations carry most of it:

- A constant that is taken for a value costs little: the statement's other words still tell it from others. A value
  that is taken for a constant costs a template for each of its values. In doubt, it is a value.
- Programs print values with digits, or with signs around them (`=`, quotes, slashes, `@`, dots inside a name).
- `true` and `false`, names in capitals and exceptions' names are printed like values, but say which case it was.
"""

import re
from dataclasses import dataclass

PLACEHOLDER = "<*>"

LIMIT = 2_000
"""Characters of a line that are read. What stands behind belongs to a dump, and its beginning tells which."""

_V = "\ue000"
"""Stands for the placeholder while the rules run: one character of the private use area, which no rule takes for a
part of a word, and with which no replacement is longer than what it replaces."""


@dataclass(frozen=True, slots=True)
class TemplateRule:
    """One way in which programs print values."""

    name: str
    pattern: str
    """Its repetitions are possessive or bounded, so that it runs in linear time."""
    replacement: str
    why: str
    needs: str = ""
    """A text without which the pattern cannot match; looking for it is much cheaper."""
    masks: tuple[tuple[str, str], ...] = ()
    """Examples: a line and what becomes of it under all rules."""
    keeps: tuple[str, ...] = ()
    """Examples that the rules leave as they are."""


_CAPITALS = r"[A-Z][A-Z_]++(?![\w$-])"
_TELLING_VALUE = rf"(?:[Tt]rue|[Ff]alse|TRUE|FALSE|{_CAPITALS})(?![\w.$@-])"
"""Values that say which case it was: a flag's, and an enumeration's in capitals."""
_TELLING_NAME = rf"(?:(?:[A-Z]\w*?)?(?:Exception|Error|Failure|Fault|Warning)(?![\w$])|{_CAPITALS})"
"""Names that say what happened, whatever package they are in."""
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_ZONE = r"(?: ?[AaPp]M\b)?(?: ?(?:Z|UTC|GMT|CES?T|[ECMP][SD]T)\b| ?[+-][0-9]{2}:?[0-9]{2}\b)?"
_IN_PATH = r"[^\s'\"`,;:()\[\]{}|=<>/]"
_UNITS = (
    r"(?:(?:[kKMGTP]i?[Bb]|[Bb]ytes?|B|[KMG]?bps|[KMG]?Hz|[KMGT]|ns|us|\u00b5s|ms|s|m|h|d"
    r"|(?:nano|micro|milli)?sec(?:ond)?s?|msecs?|min(?:ute)?s?|hours?|hrs?|days?)(?![\w-])|%)"
)
_TOP_LEVEL_DOMAINS = (
    r"(?:com|org|net|edu|gov|io|dev|info|local|localdomain|internal|lan|example|test|invalid)"
)
_FILE_ENDINGS = (
    r"(?:log|txt|md|out|err|tmp|bak|pid|lock|cfg|conf|config|ini|xml|json|ya?ml|toml|csv|html?|properties|dat|db|sql"
    r"|zip|tar|t?gz|jar|war|whl|rpm|deb|iso|img|qcow2|so|dll|exe|o|a|bin|service|socket|sh|bat|ps1"
    r"|py|java|kt|go|rs|rb|js|ts|tsx|jsx|c|cc|cpp|h|hpp|cs|php|swift|scala|png|jpg|pem|crt|key)"
)
_NAME = rf"[^\s,;:=\[\](){{}}<>\"{_V}]++"
_WORD_OR_SIGN = r"[\w.$@~+%#*-]"

RULES: tuple[TemplateRule, ...] = (
    TemplateRule(
        name="dot-leader",
        pattern=r" ?\.{3,}+(?: ?\.{3,}+)*+ ?",
        replacement=" ",
        needs="...",
        why="Dots that lead the eye from a label to its value, or stand for what comes, are no part of either.",
        masks=(("prefetch depth.......4", "prefetch depth <*>"), ("connecting...", "connecting")),
    ),
    TemplateRule(
        name="request-line",
        pattern=r"(?<![A-Za-z])(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) [^\s\"']++ HTTP/[0-9.]++",
        replacement=rf"\1 {_V}",
        needs=" HTTP/",
        why="What was asked for; the root's path has no name that shows it to be one.",
        masks=(('request: "GET / HTTP/1.1"', 'request: "GET <*>"'),),
    ),
    TemplateRule(
        name="url",
        pattern=r"(?<![A-Za-z])[A-Za-z][A-Za-z+.-]{1,20}+://[^\s'\"<>()\[\]{},;]++",
        replacement=_V,
        needs="://",
        why="Where something is.",
        masks=(("cloning https://git.example/a/b.git now", "cloning <*> now"),),
    ),
    TemplateRule(
        name="quoted-word",
        pattern=r"[\"'`\u2018\u201c](?<!\w.)"
        r"(?:(?<=\")[^\"\s]*+\"|(?<=')[^'\s]*+'(?!\w)|(?<=`)[^`'\s]*+[`']|[^\u2019\u201d\s]*+[\u2019\u201d])",
        replacement=_V,
        why="A quoted word is a value: people quote what they insert. A quoted sentence is read like any other text.",
        masks=(("no service 'db' here", "no service <*> here"), ('said "no a7 here"', 'said "no <*> here"')),
        keeps=("it's the user's",),
    ),
    TemplateRule(
        name="windows-path",
        pattern=r"(?:(?<![A-Za-z])[A-Za-z]:|\\)\\[^\s'\",;()\[\]|<>]*+",
        replacement=_V,
        needs="\\",
        why="Where something is.",
        masks=((r"loading C:\ci\work\a.dll", "loading <*>"),),
    ),
    TemplateRule(
        name="path",
        pattern=r"(?<![\w.*~@%+>)\]-])"
        rf"(?:[\w.~@%+-]++/{_IN_PATH}++(?:/{_IN_PATH}*+)++|[~.]{{0,2}}+/{_IN_PATH}++(?:/{_IN_PATH}*+)*+)",
        replacement=_V,
        needs="/",
        why="Where something is. With a single slash inside it may also be a pair of words (load/store).",
        masks=(("wrote /srv/ci/out.log", "wrote <*>"), ("in src/app/main.c", "in <*>")),
        keeps=("Input/output failed",),
    ),
    TemplateRule(
        name="address-or-object",
        pattern=r"(?<![\w.$+-])[\w.$+-]++@[\w.-]++",
        replacement=_V,
        needs="@",
        why="A mailbox, a login on a host, or an object as Java prints it.",
        masks=(("lost com.acme.Pool@712d093 here", "lost <*> here"), ("as build@ci.example it", "as <*> it")),
    ),
    TemplateRule(
        name="month",
        pattern=rf"{_MONTH}(?<!\w...)[a-z]{{0,6}}+ {{1,2}}[0-9]{{1,4}}\b",
        replacement=_V,
        why="The name of a month, with a day or a year. What else belongs to a date has digits.",
        masks=(("on 4 May 2026 it broke", "on <*> it broke"),),
        keeps=("May the build pass",),
    ),
    TemplateRule(
        name="time",
        pattern=rf"[0-9](?<![\w:.].)[0-9]?:[0-5][0-9](?::[0-6][0-9](?:[.,][0-9]{{1,9}}+)?)?{_ZONE}(?![\w:])",
        replacement=_V,
        needs=":",
        why="A clock's reading, with the letters of its time zone.",
        masks=(("since 10:11:14 UTC down", "since <*> down"),),
    ),
    TemplateRule(
        name="hexadecimal-groups",
        pattern=r"(?<![\w:])(?:[0-9a-fA-F]{2}:){3,}+[0-9a-fA-F]{2}(?![\w:])",
        replacement=_V,
        needs=":",
        why="Hardware addresses and serial numbers; a group of letters alone shows no digit.",
        masks=(("nic FE:ab:CD:0f up", "nic <*> up"),),
    ),
    TemplateRule(
        name="key-value",
        pattern=r"=(?:(?<=[\w\])]=)|(?<=[\w\])] =))(?!=)(?: (?=[^\s=]*+(?!=)))?+"
        rf"(?!{_V}|{_TELLING_VALUE})"
        r"(?:\[[^\[\]]*+\]|\"[^\"]*+\"|'[^']*+'|[^\s,;=(){}\[\]<>|\"]++(?!=)(?:\{[^{}]*+\})?+)",
        replacement=f"={_V}",
        needs="=",
        why="What stands behind the equals sign of a name is its value.",
        masks=(
            ("logname= user=root code = none", "logname= user=<*> code =<*>"),
            ("hosts=[a, b] next", "hosts=<*> next"),
        ),
        keeps=("ready=true of it", "state=FAILED here", "a == b"),
    ),
    TemplateRule(
        name="name-of-package",
        pattern=rf"(?<![\w.$-])(?:[a-z][\w-]*+\.)++(?={_TELLING_NAME})",
        replacement=rf"{_V}.",
        needs=".",
        why="The package of an exception or of a constant in capitals; these themselves say what happened.",
        masks=(("java.net.ConnectException: refused", "<*>.ConnectException: refused"),),
    ),
    TemplateRule(
        name="dotted-name",
        pattern=r"(?<![\w.$-])[A-Za-z][\w$-]*+(?:\.[\w$-]++){2,}+(?:/[\w.$-]++)*+(?![\w(])",
        replacement=_V,
        needs=".",
        why="Hosts, packages, keys: what is named so precisely was named by the one who called.",
        masks=(("cannot find build.ci.example in it", "cannot find <*> in it"),),
        keeps=("called a.b.c(x)", "NameNode.register done"),
    ),
    TemplateRule(
        name="host-or-file",
        pattern=r"(?<![\w.$/-])[\w/-]++\."
        rf"(?:{_TOP_LEVEL_DOMAINS}(?=[\s:,;)\]]|\.?\Z)|{_FILE_ENDINGS}(?![\w(-]|\.\w)|[a-z]{{2,3}}(?=:[0-9]{{2,5}}\b))",
        replacement=_V,
        needs=".",
        why="Names with the endings that hosts and files have, or with the short ending of a country before a port.",
        masks=(
            ("asked acme.com for it", "asked <*> for it"),
            ("compiled main.cpp in time", "compiled <*> in time"),
        ),
    ),
    TemplateRule(
        name="machine-and-port",
        pattern=r"( (?:to|at|on|from|via) )[a-z][a-z0-9-]*+(?=:[0-9]{2,5}\b)",
        replacement=rf"\1{_V}",
        needs=":",
        why="The machine that has the port.",
        masks=(("connect to db:5432 failed", "connect to <*> failed"),),
    ),
    TemplateRule(
        name="digits",
        pattern=rf"(?<!{_WORD_OR_SIGN})[A-Za-z_.$@~+%#*\u00b5-\u02ff-]*+[0-9]{_WORD_OR_SIGN}*+",
        replacement=_V,
        why="A word with a digit is a number, an id, or a name with a number in it.",
        masks=(
            ("job nightly-12 took 3 tries", "job <*> took <*> tries"),
            ("at 0x7f0c of blk_-17", "at <*> of <*>"),
        ),
    ),
    TemplateRule(
        name="overflow",
        pattern=r"(?<![^\s(\[,=:])\*{2,}+(?![^\s)\],;])",
        replacement=_V,
        needs="**",
        why="Some programs print asterisks for a number that does not fit its column.",
        masks=(("loads 12 14 **** 9", "loads <*>"),),
    ),
    TemplateRule(
        name="named-behind",
        pattern=rf"(?<={_V} )(\([a-z][^()]{{0,30}}+\), )[A-Z][A-Z_]++(?= \([a-z][^()]{{0,30}}+\)(?:,|\Z))",
        replacement=rf"\1{_V}",
        needs=_V + " (",
        why="In a list of values, each with its name in brackets behind it, a word in capitals is a value too.",
        masks=(
            (
                "vote: 1 (leader), LOOKING (my state), 3 (my id)",
                "vote: <*> (leader), <*> (my state), <*> (my id)",
            ),
        ),
        keeps=("went UP (again), DOWN (again)",),
    ),
    TemplateRule(
        name="listed-behind-colon",
        pattern=rf"((?:, |\A )[a-z][\w-]*+: )(?!{_TELLING_VALUE})[^\s,:{_V}]++(?=, [a-z][\w-]*+: )",
        replacement=rf"\1{_V}",
        needs=": " + _V + ",",
        why="In a list of names with colons and values, each word behind a colon is a value.",
        masks=(("client: 10.0.0.1, server: _, host: x1", "client: <*>, server: <*>, host: <*>"),),
        keeps=("note: this, too", "ready: true, left: more"),
    ),
    TemplateRule(
        name="person",
        pattern=rf"([ (\[][Uu]ser(?:name)? )(?! |is\b){_NAME}",
        replacement=rf"\1{_V}",
        needs="ser",
        why="The word behind names a person.",
        masks=(
            ("session of user root closed", "session of user <*> closed"),
            ("User bob left", "User <*> left"),
        ),
    ),
    TemplateRule(
        name="machine",
        pattern=rf"([ (\[][Hh]ost(?:name)? )(?! |is\b){_NAME}",
        replacement=rf"\1{_V}",
        needs="ost",
        why="The word behind names a machine.",
        masks=(("no route to host backup yet", "no route to host <*> yet"),),
    ),
    TemplateRule(
        name="name-and-origin",
        pattern=rf"( (?:for|by|of) )(?! |[Uu]ser\b|the\b|an?\b){_NAME}(?= from\b)",
        replacement=rf"\1{_V}",
        needs=" from",
        why="Who came, followed by where from.",
        masks=(("Accepted key for alice from it", "Accepted key for <*> from it"),),
    ),
)

ENDING_RULES: tuple[TemplateRule, ...] = (
    TemplateRule(
        name="unit",
        pattern=rf"{_V} ?{_UNITS}",
        replacement=_V,
        needs=_V,
        why="Programs choose the unit by the size of the number.",
        masks=(("free 5.2 KB of 17.7 GB", "free <*> of <*>"),),
    ),
    TemplateRule(
        name="sign",
        pattern=rf"[<>~\u2248+#/-](?<![\w<>].){_V}",
        replacement=_V,
        needs=_V,
        why="Signs that belong to the value: less than a second is a length of time too.",
        masks=(("lifetime <1 sec", "lifetime <*>"),),
    ),
    TemplateRule(
        name="rest-of-word",
        pattern=rf"{_V}[\w$@~/\\]++",
        replacement=_V,
        needs=_V,
        why="A word that began with a value is one.",
        masks=(("in 'a'/conf of it", "in <*> of it"),),
        keeps=("<*>.ConnectException: refused",),
    ),
    TemplateRule(
        name="weekday",
        pattern=rf"{_DAY}(?<!\w...)(?:[a-z]{{3,6}})?+,? {_V}",
        replacement=_V,
        why="The day in front of a date.",
        masks=(("at Mon May  4 10:11:14 UTC 2026 it broke", "at <*> it broke"),),
    ),
    TemplateRule(
        name="other-words",
        pattern=rf"{_V} ?\({_V}\)",
        replacement=_V,
        needs=_V + " (",
        why="The same value again in another unit, which programs often leave out for small ones.",
        masks=(("2048 bytes (2.0 KB) sent", "<*> sent"),),
    ),
    TemplateRule(
        name="name-in-brackets",
        pattern=rf"{_V} \((?:[a-z][\w.+-]*+)?\)(?!,)",
        replacement=_V,
        needs=_V + " (",
        why="One word in brackets behind an id is its name: of a process, a host. Often it is missing, or has a digit.",
        masks=(
            ("killed process 7 (java) of it", "killed process <*> of it"),
            ("from 10.0.0.1 () at", "from <*> at"),
        ),
        keeps=("went away (again)",),
    ),
    TemplateRule(
        name="list",
        pattern=rf"{_V}(?:[:.,|/#@_;~+-]*+ ?{_V}| [-x/>]++ {_V})++",
        replacement=_V,
        needs=_V,
        why="How many values there are is a value too.",
        masks=(("lost 1, 2, 3 of them", "lost <*> of them"), ("from 10.0.0.1:80 on", "from <*> on")),
    ),
)
"""Applied last and until nothing changes, since values that were joined may join again."""

_COLOURS = re.compile(r"\x1b(?:\[[0-9;?]{0,20}[A-Za-z]|[()][A-Z0-9])")
_BLANK = re.compile(r"\s{2,}|[^\S ]")
_UNSETTLED = re.compile(rf"{_V}(?:(?<=[^ =:,(\[{{<]{_V})|(?=[^ =:,.;)\]}}>]))")
"""A value that has grown together with what stands beside it: the rules may take more of it for one."""
_COMPILED = [(rule.needs, re.compile(rule.pattern).sub, rule.replacement) for rule in RULES]
_COMPILED_ENDINGS = [(re.compile(rule.pattern).sub, rule.replacement) for rule in ENDING_RULES]


def normalise(line: str) -> str:
    """The line's template; of a line longer than LIMIT, that of its beginning.

    Never raises. A template's template is itself.
    """
    text = line[:LIMIT].replace(PLACEHOLDER, _V)
    if "\x1b" in text:
        text = _COLOURS.sub("", text)
    # A space in front lets a pattern start with it, as the expressions' search is fast when their first sign is known.
    text = _read(" " + _BLANK.sub(" ", text).strip())
    while _UNSETTLED.search(text):
        again = _read(text)
        if again == text:
            break
        text = again
    return text.strip().replace(_V, PLACEHOLDER)


def _read(text: str) -> str:
    for needs, substitute, replacement in _COMPILED:
        if needs in text:
            text = substitute(replacement, text)
    joined = _V in text
    while joined:
        before = text
        for substitute, replacement in _COMPILED_ENDINGS:
            text = substitute(replacement, text)
        joined = before != text
    return text
