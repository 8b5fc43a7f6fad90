"""What a candidate is made from: a float network, its files, and what its output means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras

from converters.workspace import Head, Wanted
from device.contract.manifest import InputContract, OutputContract, TensorContract
from pipeline.data.data_form import DataForm
from pipeline.data.own.own_data import Labels, Task
from pipeline.data.splits import Splits
from pipeline.folders import ModelFolder
from pipeline.gate.scoring import Kind
from pipeline.training.networks import load_network
from pipeline.variants import PREFIX, Variant


@dataclass(frozen=True)
class Source:
    """A float network with the files that go into the model's folder; `units` and `decoding` are its output's.

    `precision` is that of recurrent cells; `small` says what file to make of it (`converters.convert`).
    """

    name: str
    network: keras.Model
    files: tuple[Path, ...]
    units: str = ""
    decoding: Literal["", "ctc"] = ""
    precision: Wanted = "int8"
    small: bool = False


def variant_source(variant: Variant, weights: ModelFolder) -> Source:
    """Returns a variant's network with the weights in a folder; raises ValueError if they are of another network."""
    network = load_network(variant.name, weights)
    files = (weights.float_model, *filter(Path.is_file, (weights.training,)))
    return Source(f"{PREFIX}{variant.name}", network, files, small=variant.small)


def output_kind(head: Head, tensor: TensorContract, task: Task) -> Kind:
    """Returns what an output is, by what was taken off it, its size, and what the data ask for."""
    one = tensor.shape[-1] == 1
    if head == "softmax":
        return "classes"
    if task == "regression":
        return "values"
    if head == "sigmoid" or task == "multilabel":
        return "binary" if one else "multilabel"
    return "binary" if one else "classes"


def input_contract(tensor: TensorContract, form: DataForm) -> InputContract:
    """Returns what the manifest says of the input.

    A network that scales its pixels first has lost that operator to its input's scale: its pixels are those behind it.
    """
    pixels, scale = form.pixels, tensor.quantisation.scale
    if pixels is not None and abs(255 * scale - (pixels[1] - pixels[0])) > scale / 2:
        pixels = (scale * (-128 - tensor.quantisation.zero_point), scale * (127 - tensor.quantisation.zero_point))
    return InputContract(tensor.name, tensor.shape, tensor.quantisation, form.kind, pixels, form.normalisation)


def output_contracts(
    source: Source, splits: Splits, heads: Mapping[str, Head], tensors: Mapping[str, TensorContract]
) -> tuple[OutputContract, ...]:
    """Returns what the manifest says of the outputs, before temperature and threshold; the first is the answer.

    Raises ValueError for values behind a softmax or sigmoid that was taken off because the answer is none.
    """
    answer = next(iter(heads))
    labels = {name: splits.labels_of(name, answer) for name in heads}
    tasks = {name: splits.task if each is None else each.task for name, each in labels.items()}
    kinds = {name: output_kind(head, tensors[name], tasks[name]) for name, head in heads.items()}
    for name, head in heads.items():
        if tasks[name] == "regression" and head != "linear":
            mend = "Let values come from a layer without an activation"
            raise ValueError(f"{name}: Expected values beside {kinds[answer]}. Received: a {head}. {mend}")
    return tuple(
        OutputContract(
            name,
            tensors[name].shape,
            tensors[name].quantisation,
            kind=kind,
            per_step=len(tensors[name].shape) > 2,
            labels=_labels(names_of(labels[name]), tensors[name], kind),
            units=source.units if kind == "values" else "",
            temperature=1.0,
            threshold=0.0,
            decoding=source.decoding if name == answer else "",
        )
        for name, kind in kinds.items()
    )


def names_of(labels: Labels | None) -> tuple[str, ...]:
    """Returns the names of an output's labels, if it has any."""
    return () if labels is None else labels.names


def is_values(output: OutputContract) -> bool:
    """Returns whether an output gives real numbers."""
    return output.kind == "values"


def _labels(names: tuple[str, ...], tensor: TensorContract, kind: Kind) -> tuple[str, ...]:
    size = tensor.shape[-1]
    if kind == "binary":
        # The one logit is that of the second of two classes.
        return names[-1:] or (tensor.name,)
    if len(names) == size:
        return names
    # The blank of a transcription has no name.
    return (*names, "") if names and len(names) == size - 1 else tuple(f"{tensor.name}{index}" for index in range(size))
