"""Our own songs and listeners, in the mission's formats, at any size."""

from musicbee_warehouse.simulator.defects import Defects
from musicbee_warehouse.simulator.simulation import Simulation, Written, simulate

__all__ = ["Defects", "Simulation", "Written", "simulate"]
