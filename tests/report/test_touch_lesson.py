"""The textbook network against torch: forward, loss, every gradient, every optimiser."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from node import needs_node, run_script

from nncli.report.smaller import smaller_script
from nncli.report.touch import _source

SCRIPT = smaller_script("".join(_source(f"touch_{name}.js") for name in ("numbers", "forward", "lesson")))
OPTIMISERS = {
    "sgd": lambda weights: torch.optim.SGD(weights, lr=0.1),
    "momentum": lambda weights: torch.optim.SGD(weights, lr=0.1, momentum=0.9),
    "adam": lambda weights: torch.optim.Adam(weights, lr=0.1),
}


def problem(units: int, classes: int) -> dict[str, Any]:
    random = np.random.default_rng(units)
    n_weights = 2 * units + units + units * classes + classes
    points = [{"x": random.normal(size=2).tolist(), "label": int(label)} for label in random.integers(0, classes, 11)]
    net = {"units": units, "classes": classes, "weights": random.normal(size=n_weights).tolist()}
    return {"net": net, "points": points}


def torch_loss(weights: torch.Tensor, units: int, classes: int, points: list[dict]) -> torch.Tensor:
    first, bias, out, out_bias = weights.split([2 * units, units, units * classes, classes])
    x = torch.tensor([point["x"] for point in points], dtype=torch.float64)
    hidden = torch.tanh(x @ first.view(2, units) + bias)
    logits = hidden @ out.view(units, classes) + out_bias
    return torch.nn.functional.cross_entropy(logits, torch.tensor([point["label"] for point in points]))


@needs_node
@pytest.mark.parametrize(("units", "classes"), [(2, 2), (4, 3), (8, 4)])
def test_gradients_are_those_of_autograd(tmp_path: Path, units: int, classes: int) -> None:
    given = problem(units, classes)
    expression = (
        "(({ loss, gradient }) => ({ loss, gradient: Array.from(gradient) }))"
        "(nncliTouch.lessonGradient({ ...given.net, weights: Float64Array.from(given.net.weights) }, given.points))"
    )
    found = run_script(tmp_path, SCRIPT, expression, given)
    weights = torch.tensor(given["net"]["weights"], dtype=torch.float64, requires_grad=True)
    loss = torch_loss(weights, units, classes, given["points"])
    loss.backward()
    assert weights.grad is not None
    assert found["loss"] == pytest.approx(loss.item(), rel=1e-12)
    assert np.allclose(found["gradient"], weights.grad.numpy(), rtol=1e-10, atol=1e-14)


@needs_node
@pytest.mark.parametrize("kind", OPTIMISERS)
def test_steps_are_those_of_torch(tmp_path: Path, kind: str) -> None:
    given = {**problem(4, 3), "kind": kind}
    expression = """(() => {
      let net = { ...given.net, weights: Float64Array.from(given.net.weights) };
      let memory = nncliTouch.lessonMemory(net.weights.length);
      for (let i = 0; i < 7; i++) {
        const { gradient } = nncliTouch.lessonGradient(net, given.points);
        const step = nncliTouch.lessonStep(given.kind, net.weights, gradient, 0.1, memory);
        net = { ...net, weights: step.weights };
        memory = step.memory;
      }
      return Array.from(net.weights);
    })()"""
    found = run_script(tmp_path, SCRIPT, expression, given)
    weights = torch.tensor(given["net"]["weights"], dtype=torch.float64, requires_grad=True)
    optimiser = OPTIMISERS[kind]([weights])
    for _ in range(7):
        optimiser.zero_grad()
        torch_loss(weights, 4, 3, given["points"]).backward()
        optimiser.step()
    assert np.allclose(found, weights.detach().numpy(), rtol=1e-9, atol=1e-12)


@needs_node
def test_a_lesson_starts_the_same_for_the_same_seed(tmp_path: Path) -> None:
    expression = "[1, 1, 2].map((seed) => Array.from(nncliTouch.lessonStart(4, 2, seed).weights))"
    first, again, other = run_script(tmp_path, SCRIPT, expression)
    assert first == again != other
    assert len(first) == 2 * 4 + 4 + 4 * 2 + 2
    assert max(map(abs, first)) <= 1
