"""`make screenshots`: the card of a training in Prefect's own pages. For pytest, since it needs the tests' server."""

from __future__ import annotations

import math

from pages import opened_page
from picture_files import save_picture
from prefect import flow
from prefect.context import FlowRunContext
from rest import artifacts_of
from sklearn.linear_model import ElasticNet

import stageline
from prefect_stageline import tracked_task
from prefect_stageline.cards import wait_for_cards
from stageline.workspace import Workspace

WIDTH, HEIGHT = 1240, 900


@tracked_task
def train(alpha: float, l1_ratio: float) -> dict[str, float]:
    wine = stageline.DatasetRef(name="wine.csv", digest="a54d3c1f", source="s3://bucket/wine.csv")
    stageline.log_input(wine, context="training")
    for epoch in range(40):
        stageline.log_metric("loss", 0.3 + math.exp(-epoch / 8), step=epoch)
    model = ElasticNet(alpha=alpha, l1_ratio=l1_ratio).fit([[0.0], [1.0]], [0.0, 1.0])
    stageline.log_model(model, name="model", registered_model_name="wine-quality")
    return {"rmse": 0.614, "r2": 0.41}


@flow
def retraining() -> str:
    train(0.1, 0.5)
    wait_for_cards(60)
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    return str(context.flow_run.id)


def test_card_of_a_training(workspace: Workspace) -> None:
    (card, *_) = artifacts_of(retraining())["stageline-card-retraining-train"]
    with opened_page(f"/v2/artifacts/artifact/{card['id']}") as page:
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        drawing = page.locator("svg[aria-roledescription^=flowchart]")
        drawing.wait_for()
        drawing.scroll_into_view_if_needed()
        save_picture(page.screenshot(), "prefect-card")
