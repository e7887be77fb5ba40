"""A layered layout: boxes in columns from left to right, few crossings, lines nearly straight.

It is Sugiyama's method in its four steps (https://en.wikipedia.org/wiki/Layered_graph_drawing):
reverse the lines that close a circle, put boxes into layers, order each layer, then shift boxes
towards what they are joined with. The graphs are small, so each step is the plain one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

_GAP_X, _GAP_Y = 76.0, 22.0
_SWEEPS = 24
_BEND_HEIGHT = 8.0
"""The room that a line takes where it passes through a layer."""


class Size(NamedTuple):
    """The size of a box, in pixels."""

    width: float
    height: float


class Joint(NamedTuple):
    """A line between two boxes, with the heights, from their tops, at which it ends."""

    start: str
    end: str
    start_y: float
    end_y: float


class Point(NamedTuple):
    """A place, in pixels from the left and from the top."""

    x: float
    y: float


@dataclass
class Layout:
    """Where boxes begin, and through which points each line goes; in pixels."""

    boxes: dict[str, Point] = field(default_factory=dict)
    routes: dict[Joint, list[Point]] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0


def lay_out(sizes: Mapping[str, Size], joints: Iterable[Joint], wide: float = 1200.0) -> Layout:
    """Place boxes: those that hang together side by side, the others beneath or beside them.

    >>> layout = lay_out({"a": Size(50, 20), "b": Size(50, 20)}, [Joint("a", "b", 10, 10)])
    >>> layout.boxes["a"], layout.boxes["b"].x > 50
    (Point(x=0.0, y=0.0), True)
    """
    joints = [joint for joint in dict.fromkeys(joints) if joint.start != joint.end]
    whole = Layout()
    x = y = shelf = 0.0
    for names in _components(sizes, joints):
        part = _Part(
            {name: sizes[name] for name in names}, [j for j in joints if j.start in names]
        ).place()
        if x and x + part.width > wide:
            x, y, shelf = 0.0, y + shelf + 2 * _GAP_Y, 0.0
        for name, place in part.boxes.items():
            whole.boxes[name] = Point(place.x + x, place.y + y)
        for joint, points in part.routes.items():
            whole.routes[joint] = [Point(point.x + x, point.y + y) for point in points]
        x, shelf = x + part.width + _GAP_X / 2, max(shelf, part.height)
        whole.width, whole.height = max(whole.width, x - _GAP_X / 2), y + shelf
    return whole


def _components(sizes: Mapping[str, Size], joints: Sequence[Joint]) -> list[list[str]]:
    """Return the boxes that hang together, the most first."""
    near: dict[str, set[str]] = {name: set() for name in sizes}
    for joint in joints:
        near[joint.start].add(joint.end)
        near[joint.end].add(joint.start)
    found, seen = [], set[str]()
    for name in sizes:
        group, new = [], [name]
        while new:
            each = new.pop()
            if each not in seen:
                seen.add(each)
                group.append(each)
                new.extend(near[each])
        if group:
            found.append([each for each in sizes if each in group])
    return sorted(found, key=len, reverse=True)


class _Span(NamedTuple):
    """A piece of a line from one layer to the next; it runs from left to right."""

    left: Hashable
    right: Hashable
    left_y: float
    right_y: float


class _Part:
    """Boxes that hang together, and the places through which long lines pass layers."""

    def __init__(self, sizes: Mapping[str, Size], joints: Sequence[Joint]) -> None:
        self.sizes = dict[Hashable, Size](sizes.items())
        self.forward = _without_circles(list(sizes), joints)
        self.layer = dict[Hashable, int](_layers(list(sizes), self.forward.values()).items())
        self.bends: dict[Joint, list[Hashable]] = {}
        self.spans: list[_Span] = []
        for joint, way in self.forward.items():
            self._split(joint, way)
        self.ranks: list[list[Hashable]] = [[] for _ in range(max(self.layer.values()) + 1)]
        for node, layer in self.layer.items():
            self.ranks[layer].append(node)
        self.y: dict[Hashable, float] = {}

    def _split(self, joint: Joint, way: Joint) -> None:
        """Cut a line that passes layers into spans from one layer to the next."""
        layers = range(self.layer[way.start] + 1, self.layer[way.end])
        bends: list[Hashable] = [(joint, layer) for layer in layers]
        for bend, layer in zip(bends, layers, strict=True):
            self.sizes[bend] = Size(0, _BEND_HEIGHT)
            self.layer[bend] = layer
        self.bends[joint] = bends
        stops = [way.start, *bends, way.end]
        heights = [way.start_y, *(_BEND_HEIGHT / 2 for _ in bends), way.end_y]
        for (left, right), (left_y, right_y) in zip(
            pairwise(stops), pairwise(heights), strict=True
        ):
            self.spans.append(_Span(left, right, left_y, right_y))

    def place(self) -> Layout:
        self._order()
        self._shift()
        widths = [max(self.sizes[node].width for node in rank) for rank in self.ranks]
        lefts = [sum(widths[:layer]) + layer * _GAP_X for layer in range(len(widths))]
        layout = Layout(width=lefts[-1] + widths[-1])
        for node, layer in self.layer.items():
            layout.height = max(layout.height, self.y[node] + self.sizes[node].height)
            if isinstance(node, str):
                layout.boxes[node] = Point(lefts[layer], self.y[node])
        for joint, way in self.forward.items():
            points = [
                Point(
                    lefts[self.layer[way.start]] + self.sizes[way.start].width,
                    self.y[way.start] + way.start_y,
                )
            ]
            for bend in self.bends[joint]:
                layer, y = self.layer[bend], self.y[bend] + _BEND_HEIGHT / 2
                points += [Point(lefts[layer], y), Point(lefts[layer] + widths[layer], y)]
            points.append(Point(lefts[self.layer[way.end]], self.y[way.end] + way.end_y))
            layout.routes[joint] = points if way.start == joint.start else points[::-1]
        return layout

    # The order within layers ----------------------------------------------------------------

    def _order(self) -> None:
        """Order each layer by the middle of its neighbours, to and fro; keep the best order."""
        best, fewest = [list(rank) for rank in self.ranks], self._crossings()
        for sweep in range(_SWEEPS):
            rightwards = sweep % 2 == 0
            ranks = self.ranks[1:] if rightwards else self.ranks[-2::-1]
            for rank in ranks:
                weights = self._weights(rightwards)
                rank.sort(key=lambda node: weights.get(node, 0.0))
            self._swap()
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(rank) for rank in self.ranks], crossings
        self.ranks = best

    def _weights(self, rightwards: bool) -> dict[Hashable, float]:
        """Return for each node the mean place of those that it is joined with on one side."""
        place = self._places()
        found: dict[Hashable, list[float]] = defaultdict(list)
        for span in self.spans:
            if rightwards:
                found[span.right].append(place[span.left] + self._share(span.left, span.left_y))
            else:
                found[span.left].append(place[span.right] + self._share(span.right, span.right_y))
        means = {node: sum(places) / len(places) for node, places in found.items()}
        return {node: means.get(node, float(place[node])) for node in place}

    def _places(self) -> dict[Hashable, int]:
        return {node: place for rank in self.ranks for place, node in enumerate(rank)}

    def _share(self, node: Hashable, y: float) -> float:
        return y / (self.sizes[node].height + 1)

    def _crossings(self) -> int:
        place = self._places()
        layers: dict[int, list[tuple[float, float]]] = defaultdict(list)
        for span in self.spans:
            layers[self.layer[span.left]].append(
                (
                    place[span.left] + self._share(span.left, span.left_y),
                    place[span.right] + self._share(span.right, span.right_y),
                )
            )
        return sum(
            (a[0] - b[0]) * (a[1] - b[1]) < 0
            for ends in layers.values()
            for position, a in enumerate(ends)
            for b in ends[:position]
        )

    def _swap(self) -> None:
        """Swap neighbours where that saves crossings."""
        fewest = self._crossings()
        for rank in self.ranks:
            for position in range(len(rank) - 1):
                rank[position], rank[position + 1] = rank[position + 1], rank[position]
                crossings = self._crossings()
                if crossings < fewest:
                    fewest = crossings
                else:
                    rank[position], rank[position + 1] = rank[position + 1], rank[position]

    # The height of boxes --------------------------------------------------------------------

    def _shift(self) -> None:
        """Shift the boxes of each layer towards those that they are joined with."""
        for rank in self.ranks:
            y = 0.0
            for node in rank:
                self.y[node] = y
                y += self.sizes[node].height + _GAP_Y
        for sweep in range(_SWEEPS):
            for rank in self.ranks if sweep % 2 == 0 else self.ranks[::-1]:
                self._settle(rank)
        top = min(self.y.values())
        self.y = {node: y - top for node, y in self.y.items()}

    def _settle(self, rank: list[Hashable]) -> None:
        """Give each box the height nearest to what it wishes, in order and without overlap."""
        wishes, weights = self._wishes(rank)
        offset, offsets = 0.0, []
        for node in rank:
            offsets.append(offset)
            gap = _GAP_Y if isinstance(node, str) else _GAP_Y / 2
            offset += self.sizes[node].height + gap
        targets = [wish - by for wish, by in zip(wishes, offsets, strict=True)]
        for node, level, by in zip(rank, monotone(targets, weights), offsets, strict=True):
            self.y[node] = level + by

    def _wishes(self, rank: list[Hashable]) -> tuple[list[float], list[float]]:
        """Return for each node the mean height at which its lines would be straight."""
        sums: dict[Hashable, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
        for span in self.spans:
            # A line that passes layers is to be straight there: it turns at boxes alone.
            weight = (
                4.0 if not isinstance(span.left, str) or not isinstance(span.right, str) else 1.0
            )
            drop = span.left_y - span.right_y
            total, count = sums[span.right]
            sums[span.right] = total + weight * (self.y[span.left] + drop), count + weight
            total, count = sums[span.left]
            sums[span.left] = total + weight * (self.y[span.right] - drop), count + weight
        wishes = [sums[n][0] / sums[n][1] if sums[n][1] else self.y[n] for n in rank]
        return wishes, [max(sums[node][1], 0.1) for node in rank]


def _without_circles(names: Sequence[str], joints: Sequence[Joint]) -> dict[Joint, Joint]:
    """Return each line as it is or, where it would close a circle, turned round.

    Boxes that come first are taken for the beginning.
    """
    ahead: dict[str, list[Joint]] = {name: [] for name in names}
    for joint in joints:
        ahead[joint.start].append(joint)
    turned: set[Joint] = set()
    open_, closed = set[str](), set[str]()

    def visit(name: str) -> None:
        open_.add(name)
        for joint in ahead[name]:
            if joint.end in open_:
                turned.add(joint)
            elif joint.end not in closed:
                visit(joint.end)
        open_.remove(name)
        closed.add(name)

    entries = [name for name in names if all(joint.end != name for joint in joints)]
    for name in [*entries, *names]:
        if name not in closed:
            visit(name)
    return {
        joint: Joint(joint.end, joint.start, joint.end_y, joint.start_y)
        if joint in turned
        else joint
        for joint in joints
    }


def _layers(names: Sequence[str], joints: Iterable[Joint]) -> dict[str, int]:
    """Return the layer of each box: right of all that lead to it, and near what it leads to."""
    joints = list(joints)
    layer = dict.fromkeys(names, 0)
    for _ in names:
        for joint in joints:
            layer[joint.end] = max(layer[joint.end], layer[joint.start] + 1)
    for name in names:
        ahead = [layer[joint.end] for joint in joints if joint.start == name]
        if ahead and all(joint.end != name for joint in joints):
            layer[name] = min(ahead) - 1
    return layer


def monotone(targets: Sequence[float], weights: Sequence[float]) -> Iterator[float]:
    """Return the rising numbers nearest to the targets, by least squares.

    It is isotonic regression: neighbours that fall are pooled, https://doi.org/10.1214/aoms/1177728423.

    >>> list(monotone([1, 5, 3, 6], [1, 1, 1, 1]))
    [1.0, 4.0, 4.0, 6.0]
    """
    pools: list[tuple[float, float, int]] = []
    for target, weight in zip(targets, weights, strict=True):
        level, size, count = float(target), weight, 1
        while pools and pools[-1][0] > level:
            other, other_size, other_count = pools.pop()
            level = (level * size + other * other_size) / (size + other_size)
            size, count = size + other_size, count + other_count
        pools.append((level, size, count))
    for level, _, count in pools:
        yield from [level] * count
