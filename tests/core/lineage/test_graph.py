"""The graph is a plain value: ordered, mergeable, and walked without end to its cycles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageline.domain.graph import Edge, EdgeKind, LineageGraph, Node, NodeKind
from stageline.errors import NotFound

IDS = st.sampled_from("abcdef")
NODES = st.builds(
    Node,
    id=IDS,
    kind=st.sampled_from(NodeKind),
    label=st.text(max_size=3),
    attributes=st.dictionaries(IDS, IDS, max_size=2),
    is_missing=st.booleans(),
)
EDGES = st.builds(Edge, IDS, IDS, st.sampled_from(EdgeKind))
GRAPHS = st.builds(
    lambda nodes, edges, targets, is_cut: LineageGraph.of(nodes, edges, targets, is_cut=is_cut),
    st.lists(NODES, max_size=6),
    st.lists(EDGES, max_size=8),
    st.lists(IDS, max_size=2),
    st.booleans(),
)


def graph_of(*edges: str) -> LineageGraph:
    """`ab` is an edge from a to b."""
    nodes = [Node(id=one, kind=NodeKind.RUN, label=one) for one in sorted(set("".join(edges)))]
    return LineageGraph.of(nodes, [Edge(a, b, EdgeKind.NESTED) for a, b in edges])


def ids(graph: LineageGraph) -> str:
    return "".join(node.id for node in graph.nodes)


def test_up_and_down_follow_the_edges() -> None:
    graph = graph_of("ab", "bc", "xb", "cd", "ay")
    assert ids(graph.upstream("c")) == "abcx"
    assert ids(graph.upstream("c", depth=1)) == "bc"
    assert ids(graph.downstream("b")) == "bcd"
    assert ids(graph.within("b", 1)) == "abcx"
    assert ids(graph.within("d", 0)) == "d"
    assert graph.upstream("c").targets == ("c",)
    assert [edge.source for edge in graph.sources("b")] == ["a", "x"]
    assert [edge.target for edge in graph.results("a")] == ["b", "y"]


def test_cycle_ends() -> None:
    graph = graph_of("ab", "bc", "ca", "aa")
    assert ids(graph.upstream("a")) == ids(graph.downstream("b")) == "abc"
    assert graph.distances(["a"]) == {"a": 0, "b": 1, "c": 1}


def test_unknown_node_is_refused_with_what_there_is() -> None:
    with pytest.raises(NotFound, match=r"no node 'z'.* a, b"):
        graph_of("ab").upstream("z")


def test_edges_and_targets_that_lead_out_are_left_out() -> None:
    graph = LineageGraph.of(
        [Node(id="a", kind=NodeKind.RUN, label="a")], [Edge("a", "b", EdgeKind.READ)], ["b"]
    )
    assert (graph.edges, graph.targets) == ((), ())


def test_of_two_tellings_of_a_node_the_fuller_one_stays() -> None:
    gone = Node(id="a", kind=NodeKind.RUN, label="a", is_missing=True, attributes={"k": "v"})
    there = Node(id="a", kind=NodeKind.RUN, label="train")
    told = Node(id="a", kind=NodeKind.RUN, label="train", attributes={"commit": "c"})
    for order in ([gone, there, told], [told, there, gone]):
        assert LineageGraph.of(order, []).node("a") == told


@given(GRAPHS, GRAPHS, GRAPHS)
def test_merge_is_a_join(a: LineageGraph, b: LineageGraph, c: LineageGraph) -> None:
    assert a.merge(a) == a
    assert a.merge(b) == b.merge(a)
    assert a.merge(LineageGraph()) == a


@given(st.lists(NODES, max_size=8), st.lists(NODES, max_size=8), st.lists(NODES, max_size=8))
def test_merge_is_associative_in_its_nodes(a: list[Node], b: list[Node], c: list[Node]) -> None:
    one, two, three = (LineageGraph.of(nodes, ()) for nodes in (a, b, c))
    assert one.merge(two).merge(three) == one.merge(two.merge(three))


@given(st.lists(NODES), st.lists(EDGES), st.randoms())
def test_order_of_what_is_given_makes_no_difference(
    nodes: list[Node], edges: list[Edge], random: object
) -> None:
    graph = LineageGraph.of(nodes, edges)
    random.shuffle(nodes)  # type: ignore[attr-defined]
    random.shuffle(edges)  # type: ignore[attr-defined]
    assert LineageGraph.of(nodes, edges) == graph


@given(GRAPHS, IDS, st.none() | st.integers(0, 4))
def test_parts_lie_in_the_whole_and_merge_into_it(
    graph: LineageGraph, node_id: str, depth: int | None
) -> None:
    if node_id not in graph:
        return
    up, down = graph.upstream(node_id, depth), graph.downstream(node_id, depth)
    for part in (up, down, up.merge(down)):
        assert all(node in graph.nodes for node in part.nodes)
        assert set(part.edges) <= set(graph.edges)
        assert node_id in part
    assert graph.merge(up).nodes == graph.nodes
    assert up.upstream(node_id, depth).nodes == up.nodes
