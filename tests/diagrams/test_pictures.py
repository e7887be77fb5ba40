"""The pictures: laid out without overlap, sound SVG, and Mermaid text that Mermaid reads."""

from __future__ import annotations

import re
from itertools import combinations
from xml.etree import ElementTree

import mermaidx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicbee_warehouse import (
    ArtistDim,
    Base,
    LoadReject,
    LoadRun,
    Pipeline,
    SongplayFact,
    TimeDim,
    WarehouseError,
    data_dictionary,
    entity_diagram,
    lineage,
    star,
)
from musicbee_warehouse.analytics import top_songs
from musicbee_warehouse.diagrams.layout import Joint, Size, lay_out

SVG = "{http://www.w3.org/2000/svg}"
LOAD = star.pipeline("log_data", "song_data")
PICTURES = {
    "the load": LOAD.graph(),
    "a slice": LOAD[6:20].graph(),
    "a question": (star.songplays + Pipeline(top_songs())).graph(),
    "lineage": lineage(SongplayFact.song_id),
    "lineage of two sources": lineage("unmatched_songplay.title"),
    "lineage of nothing": lineage("load_run.files"),
    "lineage of a question": lineage(top_songs().subquery().c.title),
    "lineage of s3": lineage("song_dim.title", star.pipeline("s3://b/log data", 's3://b/"songs"')),
    "the star": entity_diagram(),
    "two tables": entity_diagram(LoadReject, LoadRun),
    "all tables": entity_diagram(*Base.metadata.sorted_tables),
}
every_picture = pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES.keys())


@pytest.mark.parametrize(
    "name",
    [
        "the load",
        "a question",
        "lineage",
        "lineage of nothing",
        "lineage of s3",
        "two tables",
        pytest.param("the star", marks=pytest.mark.slow),
        pytest.param("all tables", marks=pytest.mark.slow),
    ],
)
def test_mermaid_reads_the_text_and_shows_each_name(name):
    text = PICTURES[name].mermaid()
    drawn = mermaidx.render(text).svg()
    for word in re.findall(
        r"\w{3,}", re.sub(r"classDef.*|erDiagram|flowchart LR|#quot;", "", text)
    ):
        assert word in drawn


def test_a_text_that_is_no_mermaid_is_refused_here_too():
    with pytest.raises(RuntimeError, match="Parse error"):
        mermaidx.render('flowchart LR\n a[("b"]').svg()


@every_picture
def test_the_svg_says_all_that_the_drawing_holds_and_is_named_for_readers(picture):
    root = ElementTree.fromstring(picture.svg())
    texts = [element.text for element in root.iter(f"{SVG}text")]
    drawing = picture.drawing()
    assert root.attrib["role"] == "img"
    assert root.find(f"{SVG}title").text == drawing.title
    for box in drawing.boxes:
        assert box.title in texts
        for row in box.rows:
            assert row.text in texts


@every_picture
def test_nothing_is_drawn_beyond_the_edge_nor_wider_than_its_box(picture):
    root = ElementTree.fromstring(picture.svg())
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    boxes = [
        [float(rect.attrib[name]) for name in ("x", "y", "width", "height")]
        for rect in root.iter(f"{SVG}rect")
        if "x" in rect.attrib
    ]
    for x, y, wide, high in boxes:
        assert 0 <= x <= x + wide <= width - 32
        assert 0 <= y <= y + high <= height - 32
    for text in root.iter(f"{SVG}text"):
        x, y = float(text.attrib["x"]), float(text.attrib["y"])
        long = len(text.text) * float(text.attrib["font-size"]) * 0.6
        left = x - long if text.attrib["text-anchor"] == "end" else x
        assert any(
            bx <= left and left + long <= bx + wide and by <= y <= by + high
            for bx, by, wide, high in boxes
        ), text.text


@every_picture
def test_a_line_is_drawn_for_each_line_of_the_drawing(picture):
    root = ElementTree.fromstring(picture.svg())
    curves = [path for path in root.iter(f"{SVG}path") if path.attrib.get("stroke-width") == "1.4"]
    lines = [path for path in curves if "transform" not in path.attrib]
    assert len(lines) == len(picture.drawing().lines)


@every_picture
def test_a_picture_is_the_same_each_time(picture):
    assert picture.svg() == picture.svg() == picture._repr_svg_()
    assert picture.mermaid() == picture.mermaid()


def test_a_picture_fetches_nothing_and_styles_nothing_else():
    for picture in PICTURES.values():
        assert set(re.findall(r"https?://[^\"' ]+", picture.svg())) == {
            "http://www.w3.org/2000/svg"
        }
        assert not re.search(r"<(style|script|image|a)\b| id=", picture.svg())


# Layout ------------------------------------------------------------------------------------------

GRAPHS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 3), st.integers(0, 3)),
    max_size=25,
)


@given(GRAPHS)
def test_boxes_of_any_graph_don_t_overlap_and_lines_end_at_them(edges):
    sizes = {f"{name}": Size(60 + 10 * name, 40 + 7 * name) for name in range(10)}
    joints = [Joint(f"{a}", f"{b}", 8.0 + y, 8.0 + z) for a, b, y, z in edges]
    layout = lay_out(sizes, joints)
    for a, b in combinations(sizes, 2):
        (ax, ay), (bx, by) = layout.boxes[a], layout.boxes[b]
        apart = (
            ax + sizes[a].width < bx
            or bx + sizes[b].width < ax
            or ay + sizes[a].height < by
            or by + sizes[b].height < ay
        )
        assert apart, (a, b)
    assert set(layout.routes) == {joint for joint in joints if joint.start != joint.end}
    for joint, points in layout.routes.items():
        for name, y, point in (
            (joint.start, joint.start_y, points[0]),
            (joint.end, joint.end_y, points[-1]),
        ):
            x, top = layout.boxes[name]
            assert point.x in (x, x + sizes[name].width)
            assert point.y == pytest.approx(top + y)


def test_a_chain_is_straight_and_a_long_line_passes_the_boxes_between():
    sizes = dict.fromkeys("abc", Size(50, 40))
    layout = lay_out(
        sizes, [Joint("a", "b", 20, 20), Joint("b", "c", 20, 20), Joint("a", "c", 20, 20)]
    )
    assert layout.boxes["a"].x < layout.boxes["b"].x < layout.boxes["c"].x
    top = layout.boxes["b"].y
    for point in layout.routes["a", "c", 20, 20][1:-1]:
        assert not top <= point.y <= top + 40


def test_two_lines_don_t_cross_where_they_needn_t():
    sizes = dict.fromkeys("abcd", Size(50, 40))
    layout = lay_out(sizes, [Joint("a", "d", 9, 9), Joint("b", "c", 9, 9), Joint("a", "c", 9, 9)])
    up = layout.boxes["a"].y < layout.boxes["b"].y
    assert (layout.boxes["d"].y < layout.boxes["c"].y) == up


# Entities ----------------------------------------------------------------------------------------


def test_the_star_shows_keys_distribution_and_sort_keys():
    text = entity_diagram().mermaid()
    assert 'bigint songplay_id PK, FK "distribution key"' in text
    assert 'bigint user_id FK "distribution key"' in text
    assert 'timestamp start_time FK "sort key"' in text
    assert 'bigint user_id PK "distribution key, sort key"' in text
    assert 'songplay_fact }o--|| user_dim : "user_id"' in text
    assert 'songplay_fact }o--o| song_dim : "song_id"' in text
    assert 'unmatched_songplay |o--|| songplay_fact : "songplay_id"' in text


def test_each_foreign_key_is_a_line_between_the_columns():
    drawing = entity_diagram(*Base.metadata.sorted_tables).drawing()
    rows = {box.title: [row.text for row in box.rows] for box in drawing.boxes}
    lines = {
        (
            line.start.box,
            rows[line.start.box][line.start.row],
            line.end.box,
            rows[line.end.box][line.end.row],
        )
        for line in drawing.lines
    }
    assert lines == {
        (table.name, column.name, foreign.column.table.name, foreign.column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        for foreign in column.foreign_keys
    }


def test_a_key_to_a_table_that_is_not_shown_has_no_line():
    assert entity_diagram(SongplayFact, TimeDim).drawing().lines[0].end.box == "time_dim"
    assert len(entity_diagram(SongplayFact, TimeDim).drawing().lines) == 1


def test_an_entity_diagram_reads_as_text():
    assert repr(entity_diagram(ArtistDim)).splitlines()[:2] == [
        "artist_dim (distribution: ALL; sort key: artist_id)",
        "  artist_id  varchar(32), primary, sort key",
    ]


def test_the_dictionary_has_a_chapter_a_table_and_a_row_a_column():
    text = data_dictionary()
    assert re.findall(r"^## (\w+)$", text, re.M) == [t.name for t in Base.metadata.sorted_tables]
    for table in Base.metadata.sorted_tables:
        chapter = text.split(f"## {table.name}\n")[1].split("\n## ")[0]
        assert re.findall(r"^\| `(\w+)`", chapter, re.M) == table.columns.keys()
        assert all(line.count("|") == 7 for line in chapter.splitlines() if line.startswith("|"))


def test_pictures_are_saved_by_their_ending(tmp_path):
    picture = entity_diagram(TimeDim)
    assert picture.save(tmp_path / "time.svg").read_text() == picture.svg() + "\n"
    assert picture.save(tmp_path / "time.mmd").read_text() == picture.mermaid() + "\n"
    with pytest.raises(WarehouseError, match=r"time\.png ends neither with \.svg nor with \.mmd"):
        picture.save(tmp_path / "time.png")
