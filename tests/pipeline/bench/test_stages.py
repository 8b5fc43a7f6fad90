"""Tests of `pipeline.bench.stages`, on released models."""

from __future__ import annotations

import numpy as np
import pytest

from converters.tflite.graph import read_graphs
from converters.tflite.micro import graph_alone
from device.arrays import Int8
from device.interpreter import load_interpreter
from pipeline.bench.effort import Effort
from pipeline.bench.measured import BenchResult, Spread, Stage, Training
from pipeline.bench.stages import cut_off, cuts_of, measure_stages
from tests.conftest import MODELS

CONVOLUTIONS = ["convolution 1", "pooling 1", "convolution 2", "pooling 2", "product 1", "recurrent steps", "rest"]
STAGES = {"rows2d": CONVOLUTIONS, "rows": ["product 1", "recurrent steps", "rest"]}


@pytest.mark.parametrize("name", STAGES)
def test_a_graph_has_its_stages_in_order(name: str) -> None:
    """Convolutions, poolings and the product are told apart; the unrolled steps are one stage, the logits the rest."""
    graph = next(each for each in read_graphs(content(name)) if each.signature == "classify")
    cuts = list(cuts_of(graph))
    assert [cut.name for cut in cuts] == STAGES[name]
    assert cuts[-1].operators == len(graph.operators)
    assert [cut.operators for cut in cuts] == sorted({cut.operators for cut in cuts})


def test_a_graph_cut_off_computes_the_same_so_far() -> None:
    """Its first operators give what they give in the whole graph, and all of them its logits."""
    index = next(each.index for each in read_graphs(content("rows2d")) if each.signature == "classify")
    alone = graph_alone(content("rows2d"), index)
    (graph,) = read_graphs(alone)
    crop = np.random.default_rng(3).integers(-128, 128, (1, 28, 28, 1)).astype(np.int8)
    (logits,) = outputs(alone, crop)
    (again,) = outputs(cut_off(alone, len(graph.operators)), crop)
    np.testing.assert_array_equal(again, logits)
    first = next(cut for cut in cuts_of(graph) if cut.name == "pooling 1")
    (pooled,) = outputs(cut_off(alone, first.operators), crop)
    assert pooled.shape == graph.operators[first.operators - 1].outputs[0].shape
    assert pooled.any()


def test_the_times_of_the_stages_add_up_to_a_whole_input() -> None:
    """Each round's differences are those of one run, so that their sum is the time of the last cut."""
    stages = measure_stages(content("rows2d"), Effort(5, 1, 1, 1, 1, 1))
    assert [stage.name for stage in stages] == CONVOLUTIONS
    assert sum(stage.us.median for stage in stages) > 0


def test_a_file_without_classify_has_no_stages() -> None:
    assert measure_stages(content("tiny"), Effort(5, 1, 1, 1, 1, 1)) == ()


def test_the_table_says_the_share_of_each_stage() -> None:
    """Shares are of the sum of the medians."""
    stages = Stage("convolution 1", Spread(30, 29, 31)), Stage("rest", Spread(10, 9, 11))
    table = BenchResult("m", "x86_64", 10, "embedded", Training(20, 1), (), stages).table()
    assert table.endswith(" Of a whole input's 40 µs in m: convolution 1 75%, rest 25%.")


def content(name: str) -> bytes:
    return (MODELS / name / "model.int8.tflite").read_bytes()


def outputs(tflite: bytes, crop: Int8) -> list[Int8]:
    interpreter, _ = load_interpreter(tflite, 1)
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    interpreter.set_tensor(given["index"], crop)
    interpreter.invoke()
    return [interpreter.get_tensor(each["index"]) for each in interpreter.get_output_details()]
