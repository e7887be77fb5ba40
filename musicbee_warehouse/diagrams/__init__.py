"""Pictures of the system, drawn from what it is made of: the models and the statements."""

from musicbee_warehouse.diagrams.columns import Edge, Lineage, lineage
from musicbee_warehouse.diagrams.entities import EntityDiagram, data_dictionary, entity_diagram
from musicbee_warehouse.diagrams.flow import PipelineGraph, StepFlow
from musicbee_warehouse.diagrams.sources import Field, Use

__all__ = [
    "Edge",
    "EntityDiagram",
    "Field",
    "Lineage",
    "PipelineGraph",
    "StepFlow",
    "Use",
    "data_dictionary",
    "entity_diagram",
    "lineage",
]
