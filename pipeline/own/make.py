"""Makes a candidate of anybody's network with anybody's data: loaded, checked, converted and evaluated."""

from __future__ import annotations

import logging
import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from keras import layers

from converters.loading.safely import loaded_safely
from converters.lowering.layer_graph import read_layers
from converters.lowering.lower import lowered
from converters.lowering.states_kept import keeps_states, with_states
from device.arrays import Float32
from device.files.sha256 import sha256_hex
from pipeline.data.calibration import Calibration
from pipeline.data.data_form import DataForm, Inputs
from pipeline.data.mnist import embedded_splits
from pipeline.data.own.calibration_inputs import checked_calibration
from pipeline.data.own.overview import contact_sheet, describe
from pipeline.data.own.own_data import Labels, OwnData, Shape, some
from pipeline.data.own.own_splits import OwnSplits, runs_of, split
from pipeline.data.own.read import read_data
from pipeline.data.own.scaling import Scaling, check_scaling, suspect_scaling
from pipeline.data.splits import OWN_TEST_INPUTS, LabelledImages, Splits
from pipeline.folders import BuildFolder, ModelFolder
from pipeline.own.own_model import OwnModel
from pipeline.own.recipe import Recipe, Time, read_recipe
from pipeline.release.candidate import make_candidate
from pipeline.release.evaluate import Evaluation
from pipeline.release.source import Source
from pipeline.variants import PREFIX

log = logging.getLogger(__name__)

_DEFAULT_SCALING = "0..1"
# For a network that scales its input by itself.
_GREY_LEVELS = "0..255"


def make_own_candidate(model: OwnModel, target: BuildFolder) -> Evaluation:
    """Converts a network by its recipe; writes the whole candidate to `target`, and beside it a sheet of the inputs.

    Raises LoadError if the network cannot be loaded, NetworkRefusedError if it has layers that cannot be lowered, and
    ValueError if the data do not fit it; see also `make_candidate`.
    """
    with tempfile.TemporaryDirectory(prefix="rowstream-") as folder:
        files = ModelFolder(Path(folder))
        network, time = load_own_network(model, files.network)
        inputs = own_inputs(model.with_time(time), network)
        log.info("%s", describe(inputs.parts))
        contact_sheet(inputs.parts, target.contact_sheet)
        inputs.recipe.beside(target.path).write(files.recipe)
        evaluation = make_candidate(_source(model.name, network, inputs.recipe, files), inputs.splits, target)
    _with_limits(inputs.recipe, evaluation).beside(target.path).write(target.recipe)
    return evaluation


def _source(name: str, network: keras.Model, recipe: Recipe, files: ModelFolder) -> Source:
    output, precision = recipe.output, recipe.network.precision
    parts = (files.network, files.recipe)
    return Source(f"{PREFIX}{name}", network, parts, output.units, output.decoding, precision=precision)


def _with_limits(recipe: Recipe, evaluation: Evaluation) -> Recipe:
    """Returns the recipe with limits that the candidate itself just keeps, where it sets none."""
    limits = {"file_bytes_max": math.ceil(1.02 * evaluation.file_bytes)}
    percent = 0.0 if evaluation.accuracy is None else 100 * evaluation.accuracy.int8_accuracy - 1
    limits["int8_accuracy_percent_min"] = math.floor(percent)
    return replace(recipe, limits={**limits, **recipe.limits})


def load_own_network(model: OwnModel, into: Path) -> tuple[keras.Model, Time]:
    """Loads a network in a child process, leaves it in `into`, and returns it, and whether it keeps its states.

    It keeps them if the recipe says so, or if it does not say and a layer is stateful; no layer of what is returned is.
    Raises LoadError if loading fails, and NetworkRefusedError at once if layers cannot be lowered.
    """
    loaded_safely(model.source, trust=model.trust, into=into, arguments=model.arguments)
    network, time = keras.models.load_model(into), model.recipe.network.time
    stateful = keeps_states(network)
    if stateful:
        network = with_states(network, kept=False)
        network.save(into)
        if not time:
            log.info("a layer is stateful: the model is continuous, its states are never reset (--time)")
    if None not in network.input_shape[1:]:
        lowered(network)
    return network, time or ("continuous" if stateful else "windows")


def splits_of(model: ModelFolder, network: keras.Model, *, trust: bool) -> Splits:
    """Returns the data of a model by its recipe; without one, the embedded digits."""
    if not model.recipe.is_file():
        return embedded_splits()
    own = OwnModel(read_recipe(model.recipe).within(model.path), model.path.resolve().name, trust)
    return own_inputs(own, network).splits


@dataclass(frozen=True)
class OwnInputs:
    """A recipe's data in their parts, and the recipe with what the network and the data say of themselves."""

    splits: Splits
    recipe: Recipe
    parts: OwnSplits


def own_inputs(model: OwnModel, network: keras.Model, *, trained: bool = True) -> OwnInputs:
    """Returns the data of a recipe, as its network takes them.

    A network that is `trained` must read images with the declared scaling about as well as with any other.
    Raises ValueError if the data do not fit the network, or are not as declared.
    """
    recipe, shape = model.recipe, tuple(network.input_shape[1:])
    wanted = recipe.data
    task = wanted.task or ("steps" if _answers_each_step(network) else None)
    data = read_data(wanted.source, shape, names=wanted.names, task=task, trust=model.trust)
    outputs = output_names(network)
    data = data.for_outputs(outputs)
    first = Labels(data.targets, data.task, data.names)
    for output, labels in {outputs[0]: first, **data.others}.items():
        size = network.outputs[outputs.index(output)].shape[-1]
        _require_names(size, labels, data.source, recipe.output.decoding if output == outputs[0] else "")
    continuous = recipe.network.time == "continuous"
    own = split(data, wanted.seed, drop_duplicates=wanted.drop_duplicates, in_order=continuous)
    for note in own.notes:
        log.warning("%s", note)
    checked_calibration(own.calibration.inputs, allow_few=wanted.allow_few)
    scaling = _scaling(recipe, network, data)
    form, own = _form(scaling, own, data, shape)
    splits = _splits(own, form, continuous=continuous)
    if trained and scaling is not None and data.task == "classes":
        _require_scaling(network, splits, scaling)
    complete = replace(wanted, scaling=str(scaling) if scaling is not None else "")
    if not data.others:
        complete = replace(complete, task=data.task, names=data.names)
    return OwnInputs(splits, replace(recipe, data=complete), own)


def output_names(network: keras.Model) -> tuple[str, ...]:
    """Returns the names of a network's outputs, as data give labels to them."""
    return tuple(getattr(network, "output_names", ("logits",)))


def _require_names(size: int, labels: Labels, source: str, decoding: str) -> None:
    """Raises ValueError unless an output has a number for each name; one alone may choose of two."""
    size, names = size - (decoding == "ctc"), labels.names
    if not names or size == len(names) or (size == 1 and len(names) == 2):
        return
    given = f"{len(names)} ({some(list(names))})"
    raise ValueError(f"{source}: Expected {size} names, as many as the network's output. Received: {given}")


def _answers_each_step(network: keras.Model) -> bool:
    return len(network.outputs) == 1 and len(network.outputs[0].shape) == 3


def _scaling(recipe: Recipe, network: keras.Model, data: OwnData) -> Scaling | None:
    """Returns the scaling of images; None for other inputs: numbers without a declared scaling are no image."""
    declared = recipe.data.scaling
    if data.inputs.dtype != np.uint8 and not declared:
        return None
    first = read_layers(network).calls[0].layer
    own = _GREY_LEVELS if isinstance(first, (layers.Rescaling, layers.Normalization)) else _DEFAULT_SCALING
    scaling = Scaling.parsed(declared or own)
    if scaling.low > scaling.high:
        raise ValueError(f"Expected a scaling that rises, as int8's does. Received: {scaling}. {scaling.mend}")
    check_scaling(data.inputs, scaling)
    return scaling


def _form(scaling: Scaling | None, own: OwnSplits, data: OwnData, shape: Shape) -> tuple[DataForm, OwnSplits]:
    """Returns the form of the inputs, and the parts with images as grey levels."""
    sizes = tuple(given if size is None else size for size, given in zip(shape, data.inputs.shape[1:], strict=True))
    if scaling is None:
        return DataForm("sequence", sizes, None), own
    form = DataForm("image", sizes, (scaling.low, scaling.high))
    training, validation, test, calibration = (
        replace(part, inputs=_grey(part.inputs, scaling))
        for part in (own.training, own.validation, own.test, own.calibration)
    )
    return form, replace(own, training=training, validation=validation, test=test, calibration=calibration)


def _grey(inputs: Inputs, scaling: Scaling) -> Inputs:
    if inputs.dtype == np.uint8:
        return inputs
    return np.clip(np.round(scaling.levels(inputs)), 0, 255).astype(np.uint8)


def _splits(own: OwnSplits, form: DataForm, *, continuous: bool) -> Splits:
    # Images are kept without an axis for one channel.
    single = form.kind == "image" and len(form.shape) > 2 and form.shape[-1] == 1

    def kept(part: OwnData) -> LabelledImages:
        runs = runs_of(part) if continuous else None
        return LabelledImages(part.inputs[..., 0] if single else part.inputs, part.targets, runs, part.others)

    indices = sha256_hex(own.calibration_indices.astype("<i8").tobytes())
    source, calibration = own.training.source, kept(own.calibration)
    return Splits(
        source=source,
        training=kept(own.training),
        validation=kept(own.validation),
        calibration=Calibration(calibration.crops, source, own.seed, indices, calibration.runs),
        test=kept(own.test),
        test_source=f"{OWN_TEST_INPUTS}{source}",
        names=own.training.names,
        form=form,
        task=own.training.task,
    )


def _require_scaling(network: keras.Model, splits: Splits, scaling: Scaling) -> None:
    def predict(inputs: Float32) -> Float32:
        shaped = inputs.reshape(len(inputs), *splits.form.shape)
        return np.asarray(network(shaped, training=False)).reshape(len(inputs), -1)

    if len(splits.names) < 2 or network.output_shape[-1] != len(splits.names):
        return
    wrong = suspect_scaling(predict, splits.validation.crops, splits.validation.labels, scaling)
    if wrong is not None:
        raise ValueError(wrong)
