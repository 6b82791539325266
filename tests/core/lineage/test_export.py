"""Charts and JSON of a graph: read back as far as they can be, whatever the names in it."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lineage_flows import deployed, promoted, trained, workspace_in
from test_graph import GRAPHS

from stageline.domain.graph import Edge, EdgeKind, LineageGraph, Node, NodeKind
from stageline.errors import Corrupt, NotAllowed
from stageline.lineage.export.captions import caption, is_page, nearest
from stageline.lineage.export.document import from_json, to_json
from stageline.lineage.export.dot import to_dot
from stageline.lineage.export.mermaid import MOST_CHARACTERS, MOST_EDGES, to_mermaid

HOSTILE = [
    '"]; click n0 "javascript:alert(1)"',
    "a\nb --> c",
    "%%{init: {'theme': 'dark'}}%%",
    "<script>alert(1)</script>",
    "`**bold**`",
    "end",
    "#quot;#35;",
    "&quot;&#34;",
    'back\\" slash\\',
    "\\N\\G\\l",
    "\u202eright to left\u2028line",
    "\0\x1b[31m",
    "subgraph x",
    "nul \ud7ff é 漢 😀",
    "",
]
NAMES = st.sampled_from(HOSTILE) | st.text(max_size=20)
HOSTILE_NODES = st.builds(Node, id=NAMES, kind=st.sampled_from(NodeKind), label=NAMES)

MERMAID_NODE = re.compile(
    r'    (n\d+)(?:\[\("|\(\["|\[/"|\["|\{\{"|\[\[")([^"\n]*)(?:"\)\]|"\]\)|"/\]|"\]|"\}\}|"\]\]):::[a-z]+'
)
MERMAID_EDGE = re.compile(r'    (n\d+) -\.?->?\|"([a-z ]+)"\| (n\d+)')
MERMAID_REST = re.compile(
    r'flowchart LR|    more\["\.\.\. [a-z0-9 ]+"\]:::note|    class n\d+ asked|    classDef [a-z]+ [a-z0-9: -]+'
)
DOT_TEXT = r'"((?:[^"\\]|\\.)*)"'
DOT_NODE = re.compile(
    rf"    {DOT_TEXT} \[label={DOT_TEXT}, tooltip={DOT_TEXT}, shape=\w+(?:, URL={DOT_TEXT})?(?:, style=\w+)?\];"
)
DOT_EDGE = re.compile(rf"    {DOT_TEXT} -> {DOT_TEXT} \[label={DOT_TEXT}(?:, style=dashed)?\];")


def mermaid_back(chart: str) -> tuple[list[str], list[tuple[str, str, str]]]:
    """The captions and the edges of a chart, each line of which must be one of ours."""
    captions: dict[str, str] = {}
    edges: list[tuple[str, str, str]] = []
    for line in chart.splitlines():
        if node := MERMAID_NODE.fullmatch(line):
            captions[node[1]] = re.sub(r"#(\d+);", lambda m: chr(int(m[1])), node[2])
        elif edge := MERMAID_EDGE.fullmatch(line):
            edges.append((edge[1], edge[2], edge[3]))
        else:
            assert MERMAID_REST.fullmatch(line), line
    assert all(a in captions and b in captions for a, _, b in edges)
    return list(captions.values()), edges


def dot_text(quoted: str) -> str:
    """What a quoted string of DOT says."""
    return re.sub(r"\\(.)", r"\1", quoted).replace("&amp;", "&")


def dot_back(text: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Ids with captions, and the edges."""
    nodes: dict[str, str] = {}
    edges: list[tuple[str, str]] = []
    first, *lines, last = text.rstrip("\n").split("\n")
    assert (first, last) == ("digraph lineage {", "}")
    for line in lines:
        if node := DOT_NODE.fullmatch(line):
            nodes[dot_text(node[3])] = dot_text(node[2])
            assert dot_text(node[1]) == dot_text(node[3])
        elif edge := DOT_EDGE.fullmatch(line):
            edges.append((dot_text(edge[1]), dot_text(edge[2])))
        else:
            assert re.fullmatch(r'    (rankdir=LR|node \[fontname=sans\]|"more" \[.*\]);', line), (
                line
            )
    return nodes, edges


def chain(*labels: str) -> LineageGraph:
    """Runs, each nested in the one before."""
    nodes = [
        Node(id=f"run:{at}", kind=NodeKind.RUN, label=label) for at, label in enumerate(labels)
    ]
    edges = [Edge(a.id, b.id, EdgeKind.NESTED) for a, b in pairwise(nodes)]
    return LineageGraph.of(nodes, edges, ["run:0"])


@given(st.lists(HOSTILE_NODES, max_size=6), st.data())
def test_mermaid_holds_each_name_and_nothing_that_a_name_says(
    nodes: list[Node], data: st.DataObject
) -> None:
    ids = st.sampled_from([node.id for node in nodes] or ["x"])
    edges = data.draw(st.lists(st.builds(Edge, ids, ids, st.sampled_from(EdgeKind)), max_size=6))
    graph = LineageGraph.of(nodes, edges, data.draw(st.lists(ids, max_size=2)))
    captions, drawn = mermaid_back(to_mermaid(graph))
    assert captions == [caption(node) for node in graph.nodes]
    assert len(drawn) == len(graph.edges)


@given(st.lists(HOSTILE_NODES, max_size=6), st.data())
def test_dot_holds_each_name_and_nothing_that_a_name_says(
    nodes: list[Node], data: st.DataObject
) -> None:
    ids = st.sampled_from([node.id for node in nodes] or ["x"])
    edges = data.draw(st.lists(st.builds(Edge, ids, ids, st.sampled_from(EdgeKind)), max_size=6))
    graph = LineageGraph.of(nodes, edges)

    def plain(text: str) -> str:
        return text.replace("\0", "?").replace("\n", " ").replace("\r", " ")

    captions, drawn = dot_back(to_dot(graph))
    assert captions == {plain(node.id): caption(node) for node in graph.nodes}
    assert drawn == [(plain(edge.source), plain(edge.target)) for edge in graph.edges]


@given(GRAPHS)
def test_json_reads_back_as_it_was(graph: LineageGraph) -> None:
    assert from_json(to_json(graph)) == graph


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_run_name_stays_a_name_through_all_of_it(tmp_path: Path, name: str) -> None:
    workspace = workspace_in(tmp_path)
    run_id = trained(workspace, run_name=name or "x")
    graph = workspace.lineage.of(run_id)
    shown = caption(graph.node(f"run:{run_id}"))
    assert shown in mermaid_back(to_mermaid(graph))[0]
    assert shown in dot_back(to_dot(graph))[0].values()
    assert from_json(to_json(graph)) == graph


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", Corrupt),
        (b"[]", Corrupt),
        (b'{"format": "stageline.lineage/2", "nodes": [], "edges": []}', NotAllowed),
        (b'{"format": "stageline.lineage/1", "nodes": {}, "edges": []}', Corrupt),
        (
            b'{"format": "stageline.lineage/1", "nodes": [], '
            b'"edges": [{"source": "a", "target": "b", "kind": "read"}]}',
            Corrupt,
        ),
    ],
)
def test_json_that_is_no_graph_is_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        from_json(data)


def test_first_format_is_read() -> None:
    graph = from_json((Path(__file__).parent / "formats" / "lineage-1.json").read_bytes())
    assert (len(graph), len(graph.edges), graph.is_cut) == (6, 7, True)
    assert {node.kind for node in graph.nodes} == {*NodeKind}
    assert graph.targets == ("model_version:wine/1",)
    assert graph.node("model_version:wine/1").is_missing
    run = graph.node("run:0190a0b0c0d07abc8def001122334455")
    assert run.attributes["commit"] == "0123"
    assert run.links == {"prefect": "https://prefect.example/runs/1"}
    assert "stage:wine/Production" in graph.downstream("dataset:s3%3A%2F%2Fdata/wine.csv@d1")


def test_json_is_the_documented_shape() -> None:
    node = Node(id="run:a", kind=NodeKind.RUN, label="train", links={"prefect": "https://x"})
    graph = LineageGraph.of([node], [Edge("run:a", "run:a", EdgeKind.CACHED)], ["run:a"])
    assert to_json(graph) == (
        b'{"format":"stageline.lineage/1","nodes":[{"id":"run:a","kind":"run","label":"train",'
        b'"links":{"prefect":"https://x"}}],"edges":[{"source":"run:a","target":"run:a","kind":"cached"}],'
        b'"targets":["run:a"],"is_cut":false}'
    )


def test_mermaid_of_the_chain_is_drawn_left_to_right(tmp_path: Path) -> None:
    workspace = workspace_in(tmp_path)
    deployed(workspace, promoted(workspace, trained(workspace)))
    assert to_mermaid(workspace.lineage.of("models:/wine/1")).splitlines()[:10] == [
        "flowchart LR",
        '    n0[("wine.csv @d1")]:::dataset',
        '    n1(["train"]):::run',
        '    n2["wine v1"]:::modelversion',
        '    n3{{"wine Production"}}:::stage',
        '    n4[["eu"]]:::deployment',
        '    n0 -->|"read"| n1',
        '    n2 -->|"deployed"| n4',
        '    n2 -->|"in stage"| n3',
        '    n1 -->|"registered"| n2',
    ]


def test_large_chart_keeps_what_is_near_and_notes_the_rest() -> None:
    graph = chain(*(f"r{at}" for at in range(300)))
    near = nearest(graph, 10)
    assert sorted(node.label for node in near.nodes) == sorted(f"r{at}" for at in range(10))
    chart = to_mermaid(graph, most_nodes=10)
    assert len(mermaid_back(chart)[0]) == 10
    assert '    more["... 290 more nodes"]:::note' in chart.splitlines()


def test_chart_of_many_edges_stays_within_what_mermaid_draws() -> None:
    nodes = [Node(id=f"run:{at}", kind=NodeKind.RUN, label=str(at)) for at in range(40)]
    edges = [Edge(a.id, b.id, EdgeKind.CACHED) for a in nodes for b in nodes]
    chart = to_mermaid(LineageGraph.of(nodes, edges, ["run:0"]))
    assert len(mermaid_back(chart)[1]) == MOST_EDGES
    assert "1200 more edges" in chart


@pytest.mark.parametrize("letter", ["😀", '"', "a"])
def test_chart_of_long_names_stays_within_what_mermaid_reads(letter: str) -> None:
    chart = to_mermaid(chain(*(letter * 200 for _ in range(1000))), most_nodes=1000)
    assert len(chart.encode("utf-16-le")) // 2 <= MOST_CHARACTERS
    assert "more nodes" in chart


def test_only_pages_are_linked() -> None:
    links = {"a": "javascript:alert(1)", "b": "https://orchestra.example/1"}
    graph = LineageGraph.of([Node(id="run:a", kind=NodeKind.RUN, label="a", links=links)], [])
    assert 'URL="https://orchestra.example/1"' in to_dot(graph)
    for url in ("javascript:alert(1)", "data:text/html,x", "", "//x", "https://[", "https://a\nb"):
        assert not is_page(url)


def test_missing_nodes_are_marked() -> None:
    node = Node(id="run:a", kind=NodeKind.RUN, label="a", is_missing=True)
    assert caption(node) == "a (gone)"
    assert "style=dashed" in to_dot(LineageGraph.of([node], []))
