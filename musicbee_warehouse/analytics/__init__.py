"""Questions to the star."""

from musicbee_warehouse.analytics.questions import plays_by_weekday, top_artists, top_songs

__all__ = ["plays_by_weekday", "top_artists", "top_songs"]
