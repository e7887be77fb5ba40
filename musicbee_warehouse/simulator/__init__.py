"""Our own songs and listeners, in the mission's formats, at any size."""

from musicbee_warehouse.simulator.simulation import Simulation, Written, simulate

__all__ = ["Simulation", "Written", "simulate"]
