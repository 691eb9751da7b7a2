"""Whether a comment says that its failure needs no further look, told from its words. English.

What says so: a bug was filed, it is known, it was fixed, it is nobody's fault, somebody has looked. What says the
opposite: somebody asks, is still looking, or is yet to look. A comment is a suggestion's occasion, never a decision, so
a doubtful one says nothing.
"""

import re
from dataclasses import dataclass

READ_CHARS = 4_000
"""Of a comment; what is decided stands at its beginning."""

_NEAR_CHARS = 80
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n+")
_REFERENCE = re.compile(
    r"https?://\S{1,300}?/(?:browse/[A-Z]|issues/\d|pull/\d|merge_requests/\d)\S*|\b[A-Z][A-Z0-9_]{1,60}-\d+\b"
    r"|(?<![\w&])#\d+\b"
)
_FILED_JUST_BEFORE = re.compile(
    r"(?<!\bnot )(?<!n't )(?<!\bbe )\b(?:filed|opened|created|raised|reported|logged|submitted)(?:\W+\w+){0,3}\W*$",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"\b(?:"
    r"(?:not|never|\w{2,9}n't|nobody|no one|nothing)\b(?:\W+\w+){0,3}?\W+"
    r"(?:reviewed|fixed|resolved|filed|looked|triaged|merged|closed|done|known|reported|understood|sure|clear|reproduced)|"
    r"no (?:bug|issue|ticket|fix|idea|clue)\b|"
    r"(?:need|needs|needed|have|has|want|wants) (?:to|a|an|some|more|further|another|somebody|someone)\b|"
    r"needs (?:investigation|triage|review|work|info|information)|"
    r"todo\b|tbd|to be (?:reviewed|fixed|filed|triaged|investigated|confirmed|done)|"
    r"still\b|investigating|looking into|checking|debugging|"
    r"will (?:look|check|file|open|investigate|review|debug|try|fix)|"
    r"(?:i'll|we'll|let me|let us|let's|going to|gonna|trying to)\b|"
    r"(?:can|could|would|should) (?:you|anyone|anybody|someone|somebody|we|i)\b|please\b|"
    r"un(?:resolved|reviewed|fixed|clear|known|confirmed)|"
    r"(?:i|we) (?:wonder|think|guess)\b|maybe\b|perhaps\b|might\b|"
    r"re-?open(?:ed|ing)?|(?:failing|fails|failed|broken|back) again"
    r")",
    re.IGNORECASE,
)
_FILED = re.compile(
    r"\b(?:filed|opened|created|raised|reported|logged|submitted|tracked|tracking|track|known|dup|duplicate|same as|"
    r"see|covered|caused|fixed|fix|fixes|resolved|addressed|merged|closed|reverted|bug|issue|ticket|jira|pr)\b",
    re.IGNORECASE,
)
_SETTLED = re.compile(
    r"\b(?:"
    r"(?:filed|opened|created|raised|reported|logged|submitted) (?:a|an|the|this|it|new|upstream|another)\b|"
    r"(?:bug|issue|ticket|defect|pr) (?:was |has been |is |already )*(?:filed|opened|created|raised|reported|merged)|"
    r"known (?:issue|bug|flake|failure|problem|regression|limitation)|already (?:known|reported|filed|tracked|fixed)|"
    r"tracked (?:in|by|as|at|under|elsewhere)|dup(?:licate)? of|"
    r"(?:was|is|been|got|now|already|should be|all) (?:fixed|resolved|reverted|addressed|handled|solved|quarantined)|"
    r"^\W*(?:fixed|resolved|reverted|addressed|handled|solved|reviewed|done|lgtm|ack|acknowledged|triaged)\b|"
    r"^\W*(?:closed|merged)\b|"
    r"(?:fixed|resolved|addressed|solved|caused) (?:in|by|with|upstream|on|via)\b|"
    r"(?:i|we|has|have|been|was|already) (?:have )?(?:reviewed|triaged|looked (?:at|into)|analy[sz]ed)|"
    r"root cause (?:is|was|found|identified|known)|"
    r"(?:won'?t|will not) (?:fix|be fixed)|not (?:a|our|an?y) (?:bug|problem|issue|regression|fault|product bug)|"
    r"(?:works?|working|behaves?) as (?:designed|expected|intended)|expected (?:failure|behaviou?r)|"
    r"false (?:positive|alarm)|no (?:further )?action (?:needed|required|is needed)|nothing to do|"
    r"(?:can|safe to|may) (?:be )?ignored?|ignore this|"
    r"(?:pass(?:ed|es)|green|ok|fine) (?:on|after|in|with) (?:the )?(?:a )?(?:re-?run|re-?try|second|next|latest)|"
    r"(?:fix|patch|workaround|revert) (?:is |was |has been |already )+"
    r"(?:in|up|merged|ready|available|there|out|applied)"
    r")",
    re.IGNORECASE,
)
_FILLER = re.compile(r"[\W_]*(?:bug|issue|ticket|jira|pr|see|cf|ref|link)?[\W_]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Intent:
    """What a comment says."""

    suggests_reviewed: bool
    reason: str
    """One sentence."""


_SAYS_NOTHING = Intent(
    suggests_reviewed=False, reason="Nothing in the comment says that the failure has been dealt with."
)


def read_intent(comment: str) -> Intent:
    """What the comment says, by its words. The last sentence that says anything counts; a filed bug stays filed."""
    verdict = _SAYS_NOTHING
    for sentence in _SENTENCE_END.split(comment[:READ_CHARS]):
        shown = " ".join(sentence.split())[:80]
        if sentence.rstrip().endswith("?"):
            verdict = (
                verdict
                if verdict.suggests_reviewed
                else Intent(suggests_reviewed=False, reason=f"It asks: {shown}")
            )
            continue
        open_at = _OPEN.search(sentence)
        reference = _REFERENCE.search(sentence)
        if reference and _names_it(sentence, reference, open_at):
            return Intent(
                suggests_reviewed=True, reason=f"It names where the failure is tracked: {reference[0][:80]}"
            )
        if open_at:
            verdict = Intent(suggests_reviewed=False, reason=f"It says that work is left: {shown}")
        elif _SETTLED.search(sentence.strip()):
            verdict = Intent(
                suggests_reviewed=True, reason=f"It says that the failure has been dealt with: {shown}"
            )
    return verdict


def _names_it(sentence: str, reference: re.Match[str], open_at: re.Match[str] | None) -> bool:
    """Whether the sentence gives the reference as the failure's: it says so, or there is nothing else in it."""
    before, after = sentence[: reference.start()], sentence[reference.end() :]
    if _FILED_JUST_BEFORE.search(before[-_NEAR_CHARS:]):
        return True
    if open_at and open_at.start() < reference.start():
        return False
    around = f"{before} {after}"
    return _FILED.search(around) is not None or _FILLER.fullmatch(around.strip()) is not None
