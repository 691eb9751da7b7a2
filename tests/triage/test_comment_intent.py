"""What comments say about the review, by their words."""

import time

import pytest

from rootcoz.triage.comment_intent import READ_CHARS, read_intent


@pytest.mark.parametrize(
    "comment",
    [
        "Filed OCPBUGS-12345 for this failure.",
        "OCPBUGS-12345",
        "see https://jira.example.com/browse/CORE-7",
        "Known issue, #1234.",
        "https://github.com/shop/ui/pull/12",
        "Fixed by https://github.com/shop/ui/pull/12.",
        "Opened a bug for it.",
        "This is a known flake",
        "Known bug, nothing to do here.",
        "fixed",
        "Done!",
        "LGTM",
        "It was fixed in 4.18.",
        "Already reported upstream",
        "Duplicate of CORE-9",
        "I have reviewed this, it is the proxy again",
        "Reviewed: infra",
        "False alarm.",
        "Not a product bug, works as designed.",
        "Passed on rerun.",
        "Root cause was a full disk. The node has been replaced.",
        "Was it the proxy? No. Fixed in the job's config.",
        "Still failing today, filed CORE-8.\nPlease do not file another one.",
        "The fix is already merged",
        "Can be ignored",
        "won't fix",
    ],
)
def test_a_comment_that_settles_the_failure_suggests_a_review(comment: str) -> None:
    intent = read_intent(comment)

    assert intent.suggests_reviewed, intent
    assert intent.reason


@pytest.mark.parametrize(
    "comment",
    [
        "",
        "   \n",
        "Is this fixed?",
        "Has anybody filed a bug for this?",
        "Could you have a look, @carol.d?",
        "Not fixed yet.",
        "It is not yet resolved",
        "This hasn't been reviewed.",
        "No bug filed so far",
        "Still investigating.",
        "looking into it",
        "Needs triage",
        "We need to file a bug",
        "I'll open an issue tomorrow",
        "to be reviewed",
        "Fixed? It fails again.",
        "I think it was fixed, but it is failing again.",
        "Reopened, the fix did not work",
        "Interesting: the response is 500 and the body is UTF-8.",
        "Seen in build 4281 as well.",
        "The timeout is 30 s here and 60 s there",
        "Need to check whether this is CORE-7",
        "Maybe CORE-7?",
    ],
)
def test_a_comment_that_settles_nothing_suggests_nothing(comment: str) -> None:
    assert not read_intent(comment).suggests_reviewed, read_intent(comment)


@pytest.mark.parametrize(
    "piece", ["a ", ". ", "not ", "fixed ", "https://", "A-", "#1", "is is ", "??", "word_"]
)
def test_a_long_comment_is_read_quickly_whatever_stands_in_it(piece: str) -> None:
    began = time.process_time()
    read_intent(piece * READ_CHARS)

    assert time.process_time() - began < 1.0
