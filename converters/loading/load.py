"""Loads a network from a file of Keras 3 or 2, or from a function that builds it. For a child process.

`converters.loading.safely` runs it in one. A file of an unknown origin can crash its reader.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import logging
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import h5py
import keras
import numpy as np

from converters.loading.config import mended, refuse_changed, refuse_code
from converters.loading.source import LoadError, Source, read_source

log = logging.getLogger(__name__)

# Inputs to compare a network with what it was loaded from; steps where their number is free.
_BATCH, _FREE_STEPS = 2, 16
_NO_ARGUMENTS: Mapping[str, Any] = MappingProxyType({})


def load_network(source: str, arguments: Mapping[str, Any] = _NO_ARGUMENTS, *, trust: bool) -> keras.Model:
    """Return the network at `source`: `.keras`, `.h5` of Keras 2 or 3, SavedModel of Keras 2, or a build function.

    With `trust`, code from the source may run; a build function gets the `arguments` by name. Raises LoadError with the
    reason if it is not a network, needs code without trust, or has no input shape; what a build function raises passes
    through.
    """
    found = read_source(source, trust=trust)
    if found.form == "function":
        network = built(found, arguments)
    elif arguments:
        raise LoadError(
            f"{found}: Expected a build function for the arguments {', '.join(arguments)}. Received: a file"
        )
    else:
        try:
            network = _load_file(Path(found.place), trust=trust)
        except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
            raise LoadError(f"{found}: Expected a network of Keras. {error}") from error
    if isinstance(network, keras.Sequential) and not network.built:
        line = "keras.Input((height, width, channels))"
        raise LoadError(f"{found}: Expected a network with an input shape. Put this line first in it: {line}")
    return network


def built(source: Source, arguments: Mapping[str, Any] = _NO_ARGUMENTS) -> keras.Model:
    """Return the network that a function builds with the arguments, by name.

    Raises LoadError if there is no such function, if it does not take these arguments, or returns no network.
    """
    function = getattr(_module(source.place), source.function, None)
    if not callable(function):
        raise LoadError(f"{source}: Expected a function. Found none of that name")
    if arguments:
        _require_taken(source, function, arguments)
    try:
        network = function if isinstance(function, keras.Model) else function(**arguments)
    except SystemExit as error:
        raise LoadError(
            f"{source}: Expected a function that returns a keras.Model. It ended Python: {error}"
        ) from error
    if not isinstance(network, keras.Model):
        raise LoadError(f"{source}: Expected a function that returns a keras.Model. Received: {type(network).__name__}")
    return network


def _require_taken(source: Source, function: Callable[..., Any], arguments: Mapping[str, Any]) -> None:
    expected = f"{source}: Expected a function with the arguments {', '.join(arguments)}"
    if isinstance(function, keras.Model):
        raise LoadError(f"{expected}. Received: a network")
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        raise LoadError(f"{expected}. Received: {source.function}{inspect.signature(function)}: {error}") from error


def _module(place: str) -> Any:
    path = Path(place).resolve()
    folder = str(path.parent) if place.endswith(".py") else os.getcwd()  # noqa: PTH109  # a string for sys.path
    if folder not in sys.path:
        sys.path.insert(0, folder)  # so that the code finds the modules beside it
    if not place.endswith(".py"):
        try:
            return importlib.import_module(place)
        except ModuleNotFoundError as error:
            raise LoadError(f"{place}: Expected a module. {error}") from error
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise LoadError(f"{place}: Expected a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _load_file(path: Path, *, trust: bool) -> keras.Model:
    if path.is_dir():
        return _through_keras2(path, trust=trust)
    if h5py.is_hdf5(path):
        return _load_h5(path, trust=trust)
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
        version = str(json.loads(archive.read("metadata.json"))["keras_version"])
    if not trust:
        refuse_code(config)
    if version.startswith("2."):
        return _through_keras2(path, trust=trust)
    return _with_its_loss(path, lambda with_loss: keras.models.load_model(path, compile=with_loss, safe_mode=not trust))


def _load_h5(path: Path, *, trust: bool) -> keras.Model:
    with tempfile.TemporaryDirectory(prefix="rowstream-") as folder:
        copy = Path(folder) / "network.h5"
        shutil.copyfile(path, copy)
        with h5py.File(copy, "r+") as file:
            if "model_config" not in file.attrs:
                raise LoadError(f"{path}: Expected a whole network. Received: weights alone; name a build function")
            config = json.loads(file.attrs["model_config"])
            if not trust:
                refuse_code(config)
            if not str(file.attrs.get("keras_version", "")).startswith("3."):
                refuse_changed(config)
            file.attrs["model_config"] = json.dumps(mended(config))
        return _with_its_loss(
            path, lambda with_loss: keras.models.load_model(copy, compile=with_loss, safe_mode=not trust)
        )


def _with_its_loss(path: Path, load: Callable[[bool], Any]) -> Any:
    try:
        return load(True)
    except (TypeError, ValueError) as error:
        network = load(False)  # raises again if the reason is the network and not the loss
        log.warning("%s: loaded without its loss, which cannot be read: %s", path, error)
        return network


def _through_keras2(path: Path, *, trust: bool) -> keras.Model:
    try:
        keras2 = importlib.import_module("tf_keras")
    except ImportError as error:
        needed = "Expected the package tf_keras, which reads networks of Keras 2: pip install 'rowstream[keras2]'"
        raise LoadError(f"{path}: {needed}") from error
    if path.is_dir() and not trust:
        _refuse_code_in_folder(path)
    original = _with_its_loss(
        path, lambda with_loss: keras2.models.load_model(path, compile=with_loss, safe_mode=not trust)
    )
    if not isinstance(original, keras2.Model):
        raise LoadError(f"{path}: Expected a SavedModel that Keras saved. Received: one without layers")
    with tempfile.TemporaryDirectory(prefix="rowstream-") as folder:
        original.save(Path(folder) / "network.h5")
        network = _load_h5(Path(folder) / "network.h5", trust=trust)
    _require_equal(path, original, network)
    return network


def _refuse_code_in_folder(path: Path) -> None:
    metadata = path / "keras_metadata.pb"
    if not metadata.is_file():
        raise LoadError(f"{path}: Expected a SavedModel that Keras saved. Received: one without keras_metadata.pb")
    saved = importlib.import_module("tf_keras.protobuf.saved_metadata_pb2").SavedMetadata()
    saved.ParseFromString(metadata.read_bytes())
    for node in saved.nodes:
        if node.identifier != "_tf_keras_metric":
            refuse_code(json.loads(node.metadata))


def _require_equal(path: Path, original: Any, network: keras.Model) -> None:
    rng = np.random.default_rng(0)
    shapes = [[_BATCH, *(size or _FREE_STEPS for size in tensor.shape[1:])] for tensor in network.inputs]
    inputs = [rng.random(shape, np.float32) for shape in shapes]
    expected, received = (
        [np.asarray(each) for each in keras.tree.flatten(model(inputs if len(inputs) > 1 else inputs[0]))]
        for model in (original, network)
    )
    if len(expected) != len(received) or not all(map(_close, expected, received)):
        raise LoadError(
            f"{path}: Expected the predictions of Keras 2. Received: others from the same weights in Keras 3"
        )


def _close(expected: Any, received: Any) -> bool:
    return expected.shape == received.shape and np.allclose(expected, received, rtol=1e-3, atol=1e-4)
