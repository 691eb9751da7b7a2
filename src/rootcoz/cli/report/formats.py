"""The formats by name."""

from rootcoz.cli.report import json_text, junit_xml, markdown, table
from rootcoz.cli.report.finished import Format

FORMATS: dict[str, Format] = {
    "table": table.render,
    "json": json_text.render,
    "markdown": markdown.render,
    "xml": junit_xml.render,
}
