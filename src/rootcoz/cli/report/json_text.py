"""The server's answer as it is; indented, and without characters that a terminal acts on, for a person."""

import json
import re

from rootcoz.cli.report.finished import Document, FinishedAnalysis, Page

# orjson and the server escape what JSON demands; these are legal in JSON, and terminals act on some of them.
_ACTED_ON = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def render(finished: FinishedAnalysis, page: Page) -> list[Document]:
    """The reply to GET /results/{job_id}: one line as it came, or indented in a terminal."""
    document = finished.response.document
    if not page.interactive:
        return [Document("", document.rstrip(b"\n") + b"\n")]
    pretty = json.dumps(json.loads(document), indent=2, ensure_ascii=not page.is_unicode)
    harmless = _ACTED_ON.sub(lambda match: f"\\u{ord(match[0]):04x}", pretty)
    return [Document("", (harmless + "\n").encode(page.encoding, "backslashreplace"))]
