"""Questions to the star, as SQLAlchemy selects to print, extend and run on either engine.

Each is a function without a required argument, and its result a ``select()``: it takes ``where``,
``limit``, ``order_by`` and ``subquery`` as any other. ``plays=`` says which plays are looked at, as
a condition on :class:`musicbee_warehouse.SongplayFact`, before anything is counted. So it belongs
there: ``where`` sees the tables that the question itself names, and SQLAlchemy warns of a cartesian
product if it is given another.

>>> from musicbee_warehouse import SongplayFact
>>> paid = plays_by_hour(during("2018-11") & (SongplayFact.level == "paid"))
>>> evening = paid.where(SongplayFact.start_time >= "2018-11-03").limit(5)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import Select

from musicbee_warehouse.analytics.catalogue import (
    catalogue_coverage,
    catalogue_gaps,
    unplayed_songs,
)
from musicbee_warehouse.analytics.devices import listeners_by_user_agent
from musicbee_warehouse.analytics.levels import conversions, level_history
from musicbee_warehouse.analytics.listeners import (
    active_users,
    cohort_retention,
    listening_by_decile,
    new_and_returning,
    stickiness,
    top_listeners,
)
from musicbee_warehouse.analytics.listening import (
    artist_map,
    key_figures,
    plays_by_decade,
    plays_by_gender,
    plays_by_hour,
    plays_by_level,
    plays_by_location,
    plays_by_weekday,
    plays_by_weekday_and_hour,
    plays_over_time,
    top_artists,
    top_songs,
)
from musicbee_warehouse.analytics.periods import during
from musicbee_warehouse.analytics.sessions import session_figures, sessions, sessions_by_length

_ALL: tuple[Callable[..., Select[Any]], ...] = (
    key_figures,
    top_songs,
    top_artists,
    plays_over_time,
    plays_by_hour,
    plays_by_weekday,
    plays_by_weekday_and_hour,
    plays_by_location,
    plays_by_level,
    plays_by_gender,
    plays_by_decade,
    artist_map,
    active_users,
    stickiness,
    new_and_returning,
    cohort_retention,
    top_listeners,
    listening_by_decile,
    sessions,
    session_figures,
    sessions_by_length,
    level_history,
    conversions,
    catalogue_coverage,
    catalogue_gaps,
    unplayed_songs,
    listeners_by_user_agent,
)

QUESTIONS: Mapping[str, Callable[..., Select[Any]]] = MappingProxyType(
    {question.__name__: question for question in _ALL}
)
"""Every question by its name."""

__all__ = [
    "QUESTIONS",
    "active_users",
    "artist_map",
    "catalogue_coverage",
    "catalogue_gaps",
    "cohort_retention",
    "conversions",
    "during",
    "key_figures",
    "level_history",
    "listeners_by_user_agent",
    "listening_by_decile",
    "new_and_returning",
    "plays_by_decade",
    "plays_by_gender",
    "plays_by_hour",
    "plays_by_level",
    "plays_by_location",
    "plays_by_weekday",
    "plays_by_weekday_and_hour",
    "plays_over_time",
    "session_figures",
    "sessions",
    "sessions_by_length",
    "stickiness",
    "top_artists",
    "top_listeners",
    "top_songs",
    "unplayed_songs",
]
