"""Messages about specs."""

from hyperdsl.diagnostics.model import Diagnostic, Edit, Fix, did_you_mean, did_you_mean_path, has_errors
from hyperdsl.diagnostics.render import as_json, from_json, one_line, report, report_text

__all__ = [
    "Diagnostic",
    "Edit",
    "Fix",
    "as_json",
    "did_you_mean",
    "did_you_mean_path",
    "from_json",
    "has_errors",
    "one_line",
    "report",
    "report_text",
]
