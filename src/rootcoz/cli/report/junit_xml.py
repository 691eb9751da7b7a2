"""The reports themselves, with the answers written into them, in their own encoding."""

from rootcoz.cli.report.finished import Document, FinishedAnalysis, Page
from rootcoz.client.models import ReportCounts, StoredResult
from rootcoz.client.submission import ReportFile
from rootcoz.domain.errors import InvalidInput
from rootcoz.kit.xml_encoding import DECLARATION_LIMIT, encode_xml
from rootcoz.kit.xml_error import XmlError


def render(finished: FinishedAnalysis, _page: Page) -> list[Document]:
    """One document for each report, in the order of the request. Raises InvalidInput when there is none."""
    result = finished.response.result or StoredResult()
    if not result.reports and result.enriched_xml is not None:
        only = finished.reports[0] if finished.reports else None
        return [_document(only, ReportCounts(enriched_xml=result.enriched_xml))]
    if not result.reports:
        raise InvalidInput("There is no XML to write: the analysis was not made from JUnit reports.")
    if finished.reports and len(finished.reports) != len(result.reports):
        raise InvalidInput(
            f"{len(finished.reports)} reports were sent and {len(result.reports)} came back; "
            "use a client and a server of one version."
        )
    originals: tuple[ReportFile | None, ...] = finished.reports or (None,) * len(result.reports)
    return [_document(original, counts) for original, counts in zip(originals, result.reports, strict=True)]


def _document(original: ReportFile | None, counts: ReportCounts) -> Document:
    name = original.name if original else counts.name
    if counts.enriched_xml is not None:
        return Document(name, _encoded(counts.enriched_xml, original))
    if original is not None and not counts.failed:
        return Document(name, b"".join(original.chunks()))
    raise InvalidInput(f"The analysis holds no XML with answers for {name or 'the report'}.")


def _encoded(text: str, original: ReportFile | None) -> bytes:
    """In the encoding of the document on disk; without one, in the one that the text declares, if it can be kept."""
    if original is not None:
        return encode_xml(text, next(iter(original.chunks()), b""))
    try:
        return encode_xml(text, text[:DECLARATION_LIMIT].encode("ascii", "replace"))
    except XmlError:
        return text.encode()
