"""Loading files into the warehouse, with a report of what was done."""

from musicbee_warehouse.loading.run import load
from musicbee_warehouse.loading.report import LoadReport

__all__ = ["LoadReport", "load"]
