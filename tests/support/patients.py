"""Networks as people bring them: sick ones, each with the kind of its finding, and healthy ones.

They follow public questions and bug reports, in words of our own. The first three are those that the project grew from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import keras
from keras import layers

Build = Callable[[], keras.Model]


def flattened() -> keras.Model:
    """Two convolutions, flattened before the LSTM."""
    model = keras.Sequential()
    model.add(layers.Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)))
    model.add(layers.MaxPooling2D((2, 2)))
    model.add(layers.Conv2D(64, (3, 3), activation="relu"))
    model.add(layers.MaxPooling2D((2, 2)))
    model.add(layers.Flatten())
    model.add(layers.LSTM(64))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _reshaped(padding: str) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu", padding=padding),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu", padding=padding),
            layers.MaxPooling2D(2),
            layers.Reshape((-1, 7 * 7 * 64)),
            layers.LSTM(64),
            layers.Dense(10, activation="softmax"),
        ]
    )


def misfit() -> keras.Model:
    """A reshape for a map of 7x7x64, which is 5x5x64."""
    return _reshaped("valid")


def one_step() -> keras.Model:
    """The same with padding: it runs, on a single step."""
    return _reshaped("same")


def conv1d() -> keras.Model:
    """Conv1D over an image with a channel."""
    return keras.Sequential(
        [
            keras.Input(shape=(28, 28, 1)),
            layers.Conv1D(32, 3, activation="relu"),
            layers.MaxPooling1D(2),
            layers.Conv1D(64, 3, activation="relu"),
            layers.MaxPooling1D(2),
            layers.LSTM(64),
            layers.Dense(10, activation="softmax"),
        ]
    )


def _channels_as_time() -> keras.Model:
    inputs = keras.Input((32, 64, 1))
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(inputs)
    x = layers.MaxPooling2D()(x)
    x = layers.Permute((3, 1, 2))(x)
    x = layers.Reshape((16, 16 * 32))(x)
    x = layers.Bidirectional(layers.GRU(8))(x)
    return keras.Model(inputs, layers.Dense(5, activation="softmax")(x))


def _scrambled() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, padding="same"),
            layers.MaxPooling2D(4),
            layers.Reshape((16, 49)),
            layers.LSTM(16),
            layers.Dense(10),
        ]
    )


def _columns_without_permute() -> keras.Model:
    """A CRNN whose author forgot to move the columns to the front: pieces of rows become the steps."""
    inputs = keras.Input((32, 128, 1))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    x = layers.MaxPooling2D((4, 4))(x)
    x = layers.Reshape((32, 8 * 8))(x)
    x = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(x)
    return keras.Model(inputs, layers.Dense(11, activation="softmax")(x))


def _unequal_sides() -> keras.Model:
    x = inputs = keras.Input((6, 4, 3))
    x = keras.ops.reshape(x, (-1, 4, 18))
    return keras.Model(inputs, layers.Dense(2)(layers.LSTM(4)(x)))


def _stacked() -> keras.Model:
    model = keras.Sequential()
    model.add(keras.Input((20, 8)))
    model.add(layers.LSTM(32))
    model.add(layers.Dropout(0.2))
    model.add(layers.LSTM(16))
    model.add(layers.Dense(4, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer="adam")
    return model


def _stacked_both_ways() -> keras.Model:
    inputs = keras.Input((20, 8))
    x = layers.Bidirectional(layers.GRU(8))(inputs)
    x = layers.Bidirectional(layers.GRU(8))(x)
    return keras.Model(inputs, layers.Dense(3)(x))


def _sequences_flattened() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((20, 8)),
            layers.LSTM(16, return_sequences=True),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]
    )


def _sequences_to_head() -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.LSTM(32, return_sequences=True),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    return model


def _stateful() -> keras.Model:
    return keras.Sequential([keras.Input(batch_shape=(1, 20, 8)), layers.LSTM(8, stateful=True), layers.Dense(3)])


def _free_steps() -> keras.Model:
    return keras.Sequential([keras.Input((None, 8)), layers.LSTM(8), layers.Dense(3)])


def _softmax_twice() -> keras.Model:
    model = keras.Sequential(
        [keras.Input((28, 28)), layers.GRU(8), layers.Dense(10), layers.Softmax()],
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def _softmax_missing() -> keras.Model:
    model = keras.Sequential([keras.Input((28, 28)), layers.LSTM(8), layers.Dense(10)])
    model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    return model


def _softmax_of_one() -> keras.Model:
    model = keras.Sequential([keras.Input((20, 8)), layers.LSTM(8), layers.Dense(1, activation="softmax")])
    model.compile("adam", "binary_crossentropy")
    return model


def _rescaled_twice() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1.0 / 255),
            layers.Rescaling(1.0 / 255),
            layers.Reshape((28, 28)),
            layers.LSTM(8),
            layers.Dense(10),
        ]
    )


def _image_into_lstm() -> keras.Model:
    return keras.Sequential([keras.Input((28, 28, 1)), layers.LSTM(16), layers.Dense(10)])


def _no_channel() -> keras.Model:
    model = keras.Sequential()
    model.add(layers.Conv2D(8, 3, input_shape=(28, 28)))
    model.add(layers.TimeDistributed(layers.Flatten()))
    model.add(layers.LSTM(8))
    return model


def _pooled_away() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(4, 5),
            layers.MaxPooling2D(4),
            layers.Conv2D(4, 5),
            layers.TimeDistributed(layers.Flatten()),
            layers.LSTM(4),
        ]
    )


def _unbuilt() -> keras.Model:
    return keras.Sequential([layers.LSTM(8), layers.Dense(3)])


def _averaged_away() -> keras.Model:
    inputs = keras.Input((28, 28, 1))
    x = layers.Conv2D(8, 3)(inputs)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.GRU(4)(x))


SICK: Mapping[str, tuple[Build, str]] = MappingProxyType(
    {
        "flattened": (flattened, "flatten"),
        "misfit": (misfit, "reshape"),
        "one step": (one_step, "one step"),
        "conv1d": (conv1d, "conv1d"),
        "channels as time": (_channels_as_time, "channels as time"),
        "scrambled": (_scrambled, "order"),
        "columns without permute": (_columns_without_permute, "order"),
        "unequal sides": (_unequal_sides, "order"),
        "stacked": (_stacked, "return_sequences missing"),
        "stacked both ways": (_stacked_both_ways, "return_sequences missing"),
        "sequences flattened": (_sequences_flattened, "return_sequences left on"),
        "sequences to head": (_sequences_to_head, "return_sequences left on"),
        "stateful": (_stateful, "stateful"),
        "free steps": (_free_steps, "free size"),
        "softmax twice": (_softmax_twice, "softmax twice"),
        "softmax missing": (_softmax_missing, "softmax missing"),
        "softmax of one": (_softmax_of_one, "softmax of one"),
        "rescaled twice": (_rescaled_twice, "scaling"),
        "image into LSTM": (_image_into_lstm, "dimensions"),
        "no channel": (_no_channel, "dimensions"),
        "pooled away": (_pooled_away, "shrinks"),
        "unbuilt": (_unbuilt, "unbuilt"),
        "averaged away": (_averaged_away, "flatten"),
    }
)
