"""Lineage: from which JSON keys and columns the values of each column are made."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import (
    Integer,
    String,
    and_,
    case,
    cast,
    column,
    delete,
    exists,
    func,
    insert,
    literal_column,
    null,
    select,
    text,
    true,
    union,
    union_all,
    update,
    values,
)
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import aliased

from musicbee_warehouse import (
    ArtistDim,
    Base,
    Copy,
    Pipeline,
    SongDim,
    SongplayFact,
    StagingEvent,
    StagingSong,
    UserDim,
    connect,
    create_tables,
    insert_from,
    lineage,
    star,
)
from musicbee_warehouse.analytics import QUESTIONS
from musicbee_warehouse.diagrams import Use
from musicbee_warehouse.diagrams.sources import assigned

STAR = """
songplay_fact.songplay_id      transformation  log_data $.itemInSession, log_data $.sessionId
songplay_fact.start_time       identity        log_data $.ts
songplay_fact.user_id          identity        log_data $.userId
songplay_fact.level            identity        log_data $.level
songplay_fact.song_id          transformation  song_data $.song_id
songplay_fact.artist_id        transformation  song_data $.artist_id
songplay_fact.session_id       identity        log_data $.sessionId
songplay_fact.item_in_session  identity        log_data $.itemInSession
songplay_fact.location         transformation  log_data $.location
songplay_fact.user_agent       identity        log_data $.userAgent
songplay_fact.duration         identity        log_data $.length
unmatched_songplay.songplay_id transformation  log_data $.itemInSession, log_data $.sessionId
unmatched_songplay.title       transformation  log_data $.song, song_data $.title
unmatched_songplay.artist_name transformation  log_data $.artist, song_data $.artist_name
unmatched_songplay.duration    identity        log_data $.length
user_dim.user_id               identity        log_data $.userId
user_dim.first_name            transformation  log_data $.firstName
user_dim.last_name             transformation  log_data $.lastName
user_dim.gender                identity        log_data $.gender
user_dim.level                 identity        log_data $.level
user_dim.last_seen_at          identity        log_data $.ts
song_dim.song_id               identity        song_data $.song_id
song_dim.title                 transformation  song_data $.title
song_dim.artist_id             identity        song_data $.artist_id
song_dim.year                  transformation  song_data $.year
song_dim.duration              identity        song_data $.duration
song_dim.artist_name           transformation  song_data $.artist_name
artist_dim.artist_id           identity        song_data $.artist_id
artist_dim.name                transformation  song_data $.artist_name
artist_dim.location            transformation  song_data $.artist_location
artist_dim.latitude            identity        song_data $.artist_latitude
artist_dim.longitude           identity        song_data $.artist_longitude
time_dim.start_time            identity        log_data $.ts
time_dim.hour                  transformation  log_data $.ts
time_dim.day                   transformation  log_data $.ts
time_dim.week                  transformation  log_data $.ts
time_dim.month                 transformation  log_data $.ts
time_dim.year                  transformation  log_data $.ts
time_dim.weekday               transformation  log_data $.ts
"""
"""Each column of the star: how its values come about, and from which keys of the files."""
LINES = [line.split(maxsplit=2) for line in STAR.strip().splitlines()]
STAR_TABLES = ("_fact", "_dim", "_songplay")


@pytest.mark.parametrize(("name", "use", "keys"), LINES, ids=lambda part: part.split(" ")[0])
def test_a_column_of_the_star_stems_from_these_keys(name, use, keys):
    found = lineage(name)
    assert ", ".join(found.keys) == keys
    assert str(found.use) == use


def test_the_table_above_names_every_column_of_the_star():
    columns = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        if table.name.endswith(STAR_TABLES)
        for column in table.columns
    }
    assert {name for name, _, _ in LINES} == columns


def test_each_key_is_staged_in_the_column_that_reads_it():
    staging = {StagingEvent.__tablename__: "log_data", StagingSong.__tablename__: "song_data"}
    for name, _, _ in LINES:
        found = lineage(name)
        staged = {
            f"{staging[table]} $.{Base.metadata.tables[table].c[column].info['json_key']}"
            for table, column in (each.split(".") for each in found.staging)
        }
        assert staged == set(found.keys)


DECISIVE = {
    "time_dim.hour": {
        "staging_events.page filter",
        "staging_events.ts join",
        "time_dim.start_time join",
        "time_dim.start_time filter",
    },
    "artist_dim.name": {
        "artist_dim.artist_id join",
        "artist_dim.artist_id filter",
        "staging_songs.artist_id join",
        "staging_songs.artist_id window",
        "staging_songs.artist_latitude window",
        "staging_songs.artist_latitude conditional",
        "staging_songs.artist_longitude window",
        "staging_songs.artist_longitude conditional",
        "staging_songs.artist_location window",
        "staging_songs.artist_location conditional",
        "staging_songs.artist_name window",
        "staging_songs.artist_name conditional",
    },
}


@pytest.mark.parametrize("name", DECISIVE)
def test_what_decides_is_told_apart_from_what_is_taken(name):
    found = lineage(name)
    assert {f"{edge.source} {edge.use}" for edge in found.decisive} == DECISIVE[name]


def test_a_play_s_song_is_decided_by_the_words_of_event_and_song():
    decisive = {str(edge.source) for edge in lineage(SongplayFact.song_id).decisive}
    assert decisive >= {
        "staging_events.song",
        "staging_events.artist",
        "staging_events.length",
        "song_dim.title",
        "song_dim.artist_name",
        "song_dim.duration",
        "unmatched_songplay.title",
    }
    assert "staging_events.user_agent" not in decisive


# Ways in which an expression is built ------------------------------------------------------------


def origins_of(expression, *froms):
    query = select(expression.label("name"))
    query = query.select_from(*froms) if froms else query
    return made_of(query)


def made_of(query):
    statement = insert(ArtistDim.__table__).from_select(["name"], query)
    return {f"{field} {use}" for field, use in assigned(statement)["name"]}


song, event = StagingSong.__table__, StagingEvent.__table__


@pytest.mark.parametrize(
    ("expression", "origins"),
    [
        (song.c.title, ["title identity"]),
        (song.c.title.label("other"), ["title identity"]),
        (func.trim(song.c.title), ["title transformation"]),
        (song.c.title + song.c.artist_name, ["title transformation", "artist_name transformation"]),
        (cast(song.c.year, String), ["year transformation"]),
        (func.max(song.c.year), ["year aggregation"]),
        (func.max(song.c.year) + 1, ["year aggregation"]),
        (func.max(func.abs(song.c.year)), ["year aggregation"]),
        (func.coalesce(song.c.title, "?"), ["title transformation"]),
        (
            func.nullif(song.c.year, song.c.duration),
            ["year transformation", "duration conditional"],
        ),
        (
            case((song.c.year > 0, song.c.title), else_=song.c.artist_name),
            ["year conditional", "title transformation", "artist_name transformation"],
        ),
        (
            case({1: song.c.title}, value=song.c.year),
            ["year conditional", "title transformation"],
        ),
        (
            func.row_number().over(partition_by=song.c.artist_id, order_by=song.c.year.desc()),
            ["artist_id window", "year window"],
        ),
        (
            func.first_value(song.c.title).over(order_by=[song.c.year, song.c.song_id]),
            ["title transformation", "year window", "song_id window"],
        ),
        (
            func.sum(song.c.duration).filter(song.c.year == 0),
            ["duration aggregation", "year conditional"],
        ),
        (
            func.listagg(song.c.title).within_group(song.c.year),
            ["title aggregation", "year aggregation"],
        ),
        (func.count(), []),
        (null(), []),
        (literal_column("'x'"), []),
    ],
    ids=str,
)
def test_an_expression_is_made_of(expression, origins):
    assert origins_of(expression, song) == {f"staging_songs.{each}" for each in origins}


def test_a_scalar_subquery_gives_its_column_and_is_decided_by_its_rows():
    newest = select(func.max(song.c.year)).where(song.c.artist_id == "AR1").scalar_subquery()
    assert origins_of(newest) == {
        "staging_songs.year aggregation",
        "staging_songs.artist_id filter",
    }


def test_a_column_is_followed_through_nested_subqueries_and_aliases():
    staged = song.alias("a").alias("b")
    inner = select(func.trim(staged.c.title).label("t"), staged.c.year).subquery("inner")
    outer = select(inner.c.t.label("u")).where(inner.c.year > 0).subquery("outer")
    assert made_of(select(outer.c.u)) == {
        "staging_songs.title transformation",
        "staging_songs.year filter",
    }


def test_columns_of_the_same_name_are_told_apart():
    level, again, other, year = (
        select(event.c.level, event.c.level, UserDim.level, song.c.year).subquery().c
    )
    assert made_of(select(level)) == {"staging_events.level identity"}
    assert made_of(select(again)) == {"staging_events.level identity"}
    assert made_of(select(other)) == {"user_dim.level identity"}
    assert made_of(select(year)) == {"staging_songs.year identity"}


@pytest.mark.parametrize("combine", [union, union_all])
def test_a_union_gives_the_columns_of_all_its_branches(combine):
    titles = combine(select(song.c.title), select(event.c.song).where(event.c.page == "NextSong"))
    expected = {
        "staging_songs.title identity",
        "staging_events.song identity",
        "staging_events.page filter",
    }
    assert made_of(select(titles.subquery().c.title)) == expected
    assert made_of(titles) == expected


def test_a_common_table_expression_is_followed_even_if_it_is_recursive():
    base = select(song.c.year.label("n")).cte("numbers", recursive=True)
    numbers = base.union_all(select(base.c.n + song.c.num_songs).where(base.c.n < 10))
    assert made_of(select(numbers.c.n)) == {
        "staging_songs.year identity",
        "staging_songs.year transformation",
        "staging_songs.num_songs transformation",
        "staging_songs.year filter",
    }


def test_a_table_that_a_function_makes_stems_from_its_arguments():
    words = func.unnest(func.string_to_array(song.c.title, " ")).table_valued("word")
    assert made_of(select(words.c.word)) == {"staging_songs.title transformation"}


def test_a_lateral_subquery_a_sample_and_distinct_rows_are_followed():
    heard = select(func.max(event.c.ts).label("ts")).where(event.c.song == song.c.title).lateral()
    assert made_of(select(heard.c.ts).join_from(song, heard, true())) == {
        "staging_events.ts aggregation",
        "staging_events.song filter",
        "staging_songs.title filter",
    }
    sample = song.tablesample(10)
    assert made_of(select(sample.c.title).distinct()) == {"staging_songs.title identity"}


def test_constant_rows_have_no_lineage():
    rows = values(column("title", String), name="rows").data([("Blue",)])
    assert made_of(select(rows.c.title)) == set()


def test_join_filter_group_having_and_a_limited_order_decide_which_rows_there_are():
    query = (
        select(func.count(song.c.song_id).label("name"))
        .join_from(song, event, and_(song.c.title == event.c.song, event.c.status == 200))
        .where(event.c.page == "NextSong")
        .group_by(song.c.artist_id)
        .having(func.max(song.c.year) > 0)
        .order_by(song.c.duration)
    )
    rows = {
        "staging_songs.song_id aggregation",
        "staging_songs.title join",
        "staging_events.song join",
        "staging_events.status join",
        "staging_events.page filter",
        "staging_songs.artist_id group by",
        "staging_songs.year filter",
    }
    assert made_of(query) == rows
    assert made_of(query.limit(3)) == rows | {"staging_songs.duration sort"}


def test_a_subquery_in_where_decides_with_its_own_conditions():
    known = select(event.c.song).where(event.c.level == "paid")
    others = exists().where(event.c.artist == song.c.artist_name)
    assert made_of(select(song.c.title).where(song.c.title.in_(known), ~others)) == {
        "staging_songs.title identity",
        "staging_songs.title filter",
        "staging_events.song filter",
        "staging_events.level filter",
        "staging_events.artist filter",
        "staging_songs.artist_name filter",
    }


def test_an_update_takes_values_from_the_subquery_that_it_joins():
    best = select(song.c.song_id, song.c.title).where(song.c.year > 0).subquery("best")
    statement = (
        update(SongDim)
        .where(SongDim.song_id == best.c.song_id)
        .values(title=func.trim(best.c.title))
    )
    assert {f"{field} {use}" for field, use in assigned(statement)["title"]} == {
        "staging_songs.title transformation",
        "staging_songs.song_id filter",
        "song_dim.song_id filter",
        "staging_songs.year filter",
    }


def test_values_and_deletes_give_nothing_to_follow():
    assert assigned(insert(UserDim).values(level="free", gender=null()))["level"] == set()
    assert assigned(delete(UserDim)) == {}
    assert assigned(text("ANALYZE")) == {}


def test_text_is_not_looked_into():
    assert made_of(select(literal_column("title")).select_from(text("staging_songs"))) == set()
    assert made_of(select(column("title"))) == set()


# What may be asked for ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "same",
    [
        SongDim.title,
        SongDim.__table__.c.title,
        "song_dim.title",
        aliased(SongDim).title,
        SongDim.__table__.alias().c.title,
        select(SongDim.title).subquery().c.title,
    ],
    ids=range(6),
)
def test_a_column_may_be_named_in_many_ways(same):
    assert repr(lineage(same)) == repr(lineage(SongDim.title))


def test_a_number_of_a_question_leads_back_to_the_files():
    heard = (
        select(SongDim.title, func.sum(SongplayFact.duration).label("seconds"), func.count())
        .join_from(SongplayFact, SongplayFact.song)
        .group_by(SongDim.title)
        .subquery()
    )
    title, seconds, plays = map(lineage, heard.c)
    assert (title.keys, title.use) == (["song_data $.title"], Use.TRANSFORMATION)
    assert (seconds.keys, seconds.use) == (["log_data $.length"], Use.AGGREGATION)
    assert (plays.keys, plays.use) == ([], None)
    assert title.edges[0].target == ("query", "title")
    assert {str(edge.source) for edge in plays.decisive} == {
        "song_dim.song_id",
        "song_dim.title",
        "songplay_fact.song_id",
    }


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS.keys())
def test_the_columns_of_every_question_lead_to_files_or_count_rows(question):
    for each in question().subquery().c:
        found = lineage(each)
        assert found.keys or found.decisive or found.use is None


def test_a_pipeline_of_one_s_own_has_its_own_lineage():
    own = Pipeline(
        Copy(StagingSong, "s3://b/songs"),
        insert_from(ArtistDim, select(func.max(StagingSong.artist_id).label("artist_id"))),
    )
    found = lineage(ArtistDim.artist_id, own)
    assert found.keys == ["s3://b/songs $.artist_id"]
    assert found.use is Use.AGGREGATION
    assert lineage(ArtistDim.artist_id, Pipeline()).edges == ()


def test_a_column_that_is_made_of_itself_ends():
    circle = Pipeline(update(SongDim).values(year=SongDim.year + 1))
    assert str(lineage(SongDim.year, circle)) == (
        "song_dim.year\n  from song_dim.year (transformation), by 1 UPDATE song_dim"
    )


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("song.title", "there is no table song; there are artist_dim"),
        ("song_dim.name", "song_dim has no column name; it has song_id, title"),
        ("song_dim", "song_dim has no column"),
        (func.count(), "takes a column of a table or of a subquery, not count"),
        (cast(SongDim.year, Integer), "takes a column of a table or of a subquery"),
    ],
    ids=str,
)
def test_what_is_no_column_is_refused(wrong, sentence):
    with pytest.raises(ArgumentError, match=sentence.replace("(", r"\(")):
        lineage(wrong)


def test_a_lineage_reads_as_a_tree():
    tree, _, _ = repr(lineage(SongplayFact.song_id)).partition("\ndecided by\n")
    numbers = {name: str(position) for position, name in enumerate(star_names(), start=1)}
    assert tree.splitlines()[0] == "songplay_fact.song_id"
    assert tree.splitlines()[2:] == [
        f"    from staging_songs.song_id, by {numbers['INSERT song_dim']} INSERT song_dim",
        f"      from song_data $.song_id, by {numbers['COPY staging_songs']} COPY staging_songs",
    ]


def star_names():
    return star.pipeline("log_data", "song_data").names


# Does it hold of the rows? -----------------------------------------------------------------------

SONG = {
    "num_songs": 1,
    "song_id": "SO1",
    "title": "Blue",
    "duration": 200.5,
    "year": 1999,
    "artist_id": "AR1",
    "artist_name": "Ann",
    "artist_latitude": 1.5,
    "artist_longitude": 2.5,
    "artist_location": "Oslo",
}
EVENT = {
    "artist": "Ann",
    "auth": "Logged In",
    "firstName": "Bo",
    "gender": "F",
    "itemInSession": 1,
    "lastName": "Lee",
    "length": 200.5,
    "level": "free",
    "location": "Rome",
    "method": "PUT",
    "page": "NextSong",
    "registration": 1540919166796.0,
    "sessionId": 7,
    "song": "Blue",
    "status": 200,
    "ts": 1541106106796,
    "userAgent": "Firefox",
    "userId": "39",
}
OTHER = {**EVENT, "song": "Red", "itemInSession": 9, "userId": "40", "ts": 1541119999796}
ALTERED = {"gender": "M", "userId": "41", "page": "Home", "ts": 1671234567891}
"""Values that differ in kind; other numbers are made larger, other words longer."""
SELDOM = {
    ("unmatched_songplay.title", "song_data $.title"),
    ("unmatched_songplay.artist_name", "song_data $.artist_name"),
}
"""Shown only when a song that has plays changes, by an earlier version's words."""


def altered(objects, key):
    def alter(value):
        return value + 1 if isinstance(value, int | float) else f"{value}x"

    return [{**each, key: ALTERED.get(key, alter(each[key]))} for each in objects]


@pytest.fixture(scope="module")
def values_of(tmp_path_factory):
    """Return a function that loads files and gives the values of each column of the star."""
    engine = connect("duckdb:///:memory:")
    create_tables(engine)
    folder = tmp_path_factory.mktemp("keys")

    def load(songs, events):
        (folder / "songs.json").write_text("\n".join(map(json.dumps, songs)))
        (folder / "events.json").write_text("\n".join(map(json.dumps, events)))
        with engine.connect() as connection:
            star.pipeline(folder / "events.json", folder / "songs.json").run(connection)
            values = {}
            for table in Base.metadata.sorted_tables:
                rows = connection.execute(select(table)).mappings().all()
                for name in table.columns.keys() if table.name.endswith(STAR_TABLES) else ():
                    values[f"{table.name}.{name}"] = {row[name] for row in rows}
            connection.rollback()
        return values

    yield load
    engine.dispose()


@pytest.fixture(scope="module")
def before(values_of):
    return values_of([SONG], [EVENT, OTHER])


@pytest.mark.parametrize(
    "key", [*(f"song_data $.{key}" for key in SONG), *(f"log_data $.{key}" for key in EVENT)]
)
def test_a_key_changes_the_columns_that_stem_from_it_and_no_others(key, before, values_of):
    source, name = key.split(" $.")
    if source == "song_data":
        after = values_of(altered([SONG], name), [EVENT, OTHER])
    else:
        after = values_of([SONG], altered([EVENT, OTHER], name))
    changed = {column for column, values in before.items() if after[column] != values}
    made = {column for column, _, keys in LINES if key in keys.split(", ")}
    made -= {column for column, other in SELDOM if other == key}
    assert made <= changed
    assert changed - made <= {column for column, _, _ in LINES if key in deciding(column)}


def deciding(column):
    """Return the keys that decide about a column, whether at once or about what it is made of."""
    edges = lineage(column).decisive
    return {key for edge in edges for key in lineage(str(edge.source)).keys}
