"""Loading files into the warehouse, with a report of what was done."""

from musicbee_warehouse.loading.report import LoadReport
from musicbee_warehouse.loading.run import load

__all__ = ["LoadReport", "load"]
