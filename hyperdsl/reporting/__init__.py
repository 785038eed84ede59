"""Reports on solvers for people: one HTML page a solver and problem, with a verdict in words.

`subject` is what is reported on, `measured` everything that is measured of it, bounded by an `effort`; `verdict` are
the rules that say which method to take. `building` puts a page together from sections (`about_*`), which are data with
everything decided; `page` makes HTML of them, `svg` figures. `report` does all of that.
"""

from hyperdsl.reporting.effort import Effort
from hyperdsl.reporting.making import Report, report

__all__ = ["Effort", "Report", "report"]
