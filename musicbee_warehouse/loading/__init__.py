"""Loading files into the warehouse, exactly once, with a report of what was done."""

from musicbee_warehouse.loading.checks import CheckError, check
from musicbee_warehouse.loading.forgetting import forget
from musicbee_warehouse.loading.planning import Plan
from musicbee_warehouse.loading.report import LoadReport, runs
from musicbee_warehouse.loading.run import load, plan

__all__ = ["CheckError", "LoadReport", "Plan", "check", "forget", "load", "plan", "runs"]
