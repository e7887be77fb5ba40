"""The star as plain Python computes it, from all events and songs at once.

It is written from the meanings that README and models state, row by row with dictionaries, and
shares no line with the statements that it checks.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby

FIRST_INSTANT = datetime(1970, 1, 1)


def star_of(events, songs):
    """Return the rows of each table of the star, as sets of tuples in the order of the columns."""
    catalogue = song_rows(songs)
    plays = {songplay_id(event): event for event in events if event["page"] == "NextSong"}
    matches = {key: match(event, catalogue) for key, event in plays.items()}
    return {
        "user_dim": set(user_rows(events)),
        "artist_dim": set(artist_rows(songs)),
        "song_dim": set(catalogue),
        "time_dim": {time_row(instant(event)) for event in plays.values()},
        "songplay_fact": {play_row(key, event, matches[key]) for key, event in plays.items()},
        "unmatched_songplay": {
            (key, event.get("song"), event.get("artist"), event.get("length"))
            for key, event in plays.items()
            if matches[key] is None
        },
    }


def songplay_id(event):
    return event["sessionId"] * 1_000_000 + event["itemInSession"]


def instant(event):
    return FIRST_INSTANT + timedelta(milliseconds=event["ts"])


def play_row(key, event, song):
    return (
        key,
        instant(event),
        int(event["userId"]),
        event.get("level"),
        song and song[0],
        song and song[2],
        event["sessionId"],
        event["itemInSession"],
        named(event.get("location")),
        event.get("userAgent"),
        event.get("length"),
    )


def time_row(start):
    """ISO's week; the weekday counts from Sunday, 0."""
    _, week, weekday = start.isocalendar()
    return (start, start.hour, start.day, week, start.month, start.year, weekday % 7)


def match(event, catalogue):
    """Return the song that a play is of: same words, then nearest in duration, then smallest id."""
    words = (event.get("song"), event.get("artist"))
    rivals = [song for song in catalogue if None not in words and (song[1], song[5]) == words]
    return min(
        rivals, key=lambda song: (distance(song[4], event.get("length")), song[0]), default=None
    )


def distance(duration, length):
    return float("inf") if duration is None or length is None else abs(duration - length)


def song_rows(songs):
    """song_id, title, artist_id, year, duration, artist_name: one version of each song."""
    versions = [
        (
            song["song_id"],
            named(song.get("title")),
            song["artist_id"],
            song.get("year") or None,
            song.get("duration"),
            named(song.get("artist_name")),
        )
        for song in songs
    ]

    def preference(version):
        _, title, artist_id, year, duration, artist_name = version
        order = (title, duration, year, artist_name, artist_id)
        return (year is None, *map(none_last, order))

    return preferred(versions, preference)


def artist_rows(songs):
    """artist_id, name, location, latitude, longitude: one version of each artist."""
    versions = [
        (
            song["artist_id"],
            named(song.get("artist_name")),
            named(song.get("artist_location")),
            song.get("artist_latitude"),
            song.get("artist_longitude"),
        )
        for song in songs
    ]

    def preference(version):
        _, name, location, latitude, longitude = version
        return (
            latitude is None or longitude is None,
            location is None,
            *map(none_last, (name, location, latitude, longitude)),
        )

    return preferred(versions, preference)


def user_rows(events):
    """user_id, first_name, last_name, gender, level, last_seen_at: a user as last seen."""
    versions = [
        (
            int(event["userId"]),
            named(event.get("firstName")),
            named(event.get("lastName")),
            event.get("gender"),
            event.get("level"),
            instant(event),
        )
        for event in events
        if event.get("userId")
    ]

    def preference(version):
        _, first_name, last_name, gender, level, seen = version
        greatest_level = [-ord(letter) for letter in level or ""] + [1]
        return (
            datetime.max - seen,
            greatest_level,
            *map(none_last, (first_name, last_name, gender, level)),
        )

    return preferred(versions, preference)


def preferred(versions, preference):
    """Return of each key, which stands first in a version, the version that comes first."""
    versions = sorted(versions, key=lambda version: version[0])
    return [min(group, key=preference) for _, group in groupby(versions, lambda v: v[0])]


def named(text):
    """A blank name is none."""
    return text if text is not None and text.strip(" ") else None


def none_last(value):
    return (value is None, 0 if value is None else value)
