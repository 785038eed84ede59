"""Messages about specs."""

from hyperdsl.diagnostics.model import Diagnostic, did_you_mean, did_you_mean_path, has_errors
from hyperdsl.diagnostics.render import as_json, from_json, report, report_text

__all__ = [
    "Diagnostic",
    "as_json",
    "did_you_mean",
    "did_you_mean_path",
    "from_json",
    "has_errors",
    "report",
    "report_text",
]
