"""Trains a variant's float network: seeded, resumable, best weights by validation accuracy.

An interrupted run resumes after its last whole epoch. Every epoch draws its images and views from its own seed, so the
remaining epochs see what they would have seen without the interruption. Test images are never used.

A crop that shows no digit has a uniform target, so that no probability is high. Noise on the cell states stands for
int8's rounding of them (`pipeline.training.networks.NoisyCell`). The logits after earlier time steps are trained too,
so that a crop need not be read to its end; the best epoch is chosen by the last step alone.

Sources: Loshchilov, Hutter, Decoupled Weight Decay Regularization, 2019 (AdamW, cosine decay); Szegedy et al.,
Rethinking the Inception Architecture, 2016, section 7 (label smoothing); Teerapittayanon, McDanel, Kung, BranchyNet,
2016, section III.B (a weighted sum of the exits' losses); Hendrycks, Mazeika, Dietterich, Deep Anomaly Detection with
Outlier Exposure, 2019, section 3 (uniform targets out of distribution); Hinton, Vinyals, Dean, Distilling the Knowledge
in a Neural Network, 2015, section 2 (a teacher's probabilities mixed into the targets).
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm.keras import TqdmCallback

from device.arrays import Float32
from device.files.whole_file import whole_file, write_whole
from device.pixels import INK
from pipeline.data.splits import LabelledImages, Splits
from pipeline.folders import BUILD, MODELS, Entry, Folder, ModelFolder
from pipeline.synthesis.cache import cached_training_set
from pipeline.synthesis.fonts import Fonts
from pipeline.synthesis.training_set import TrainingMix, TrainingSet
from pipeline.training.augment import random_affine
from pipeline.training.corruptions import corrupted
from pipeline.training.interrupt import deferred_interrupt
from pipeline.training.kept import with_kept
from pipeline.training.networks import NoisyCell, build, build_for_training, load_network
from pipeline.training.recipe import Recipe
from pipeline.variants import LABELS, Variant

log = logging.getLogger(__name__)

# The variants learn from the same set.
TRAINING_SETS = BUILD / "training_set"


class Run(Folder):
    """The files of one unfinished training: the last epoch, the best so far, and the recipe that made them."""

    last = Entry("last.keras")
    best = Entry("best.keras")
    recipe = Entry("recipe.json")

    def prepare(self, variant: Variant, recipe: Recipe, training_set: TrainingSet) -> None:
        """Makes the folder. Deletes what another variant, recipe or training set left in it."""
        images, mix = len(training_set.digits), asdict(training_set.mix)
        learnt = {"images": images, "fonts_sha256": training_set.fonts_sha256, **mix}
        if training_set.kept_sha256:
            learnt["kept_sha256"] = training_set.kept_sha256
        described = json.dumps({"variant": variant.name, **asdict(recipe), "training_set": learnt}, indent=2)
        earlier = self.recipe.read_text() if self.recipe.is_file() else None
        if self.path.is_dir() and earlier != described:
            if earlier is not None:
                log.warning("The recipe has changed: training starts from scratch.")
            self.discard()
        write_whole(self.recipe, described)

    def discard(self) -> None:
        """Deletes the run, so that the next training starts from scratch."""
        shutil.rmtree(self.path)


def train_variant(variant: Variant, recipe: Recipe, splits: Splits, fonts: Fonts, trained: ModelFolder) -> None:
    """Trains a variant and writes its float weights and recipe to `trained`, whose earlier ones stay until then.

    The caller holds the folder's lock. An interrupted run lies in `<trained>/run`.
    """
    teacher = load_network(recipe.teacher, ModelFolder(MODELS / recipe.teacher)) if recipe.teacher else None
    training_set = cached_training_set(splits.training, fonts, TrainingMix(), TRAINING_SETS)
    # Drawn by one mix for all variants, and kept; how much of it an epoch takes is the recipe's.
    mix = replace(training_set.mix, photographed_share=recipe.photographed_share, negative_share=recipe.negative_share)
    training_set = replace(training_set, mix=mix)
    if splits.kept is not None:
        training_set = with_kept(training_set, splits.kept)
    run = Run(trained.path / "run")
    network = train(variant, recipe, training_set, splits.validation, run, teacher)
    with whole_file(trained.weights) as unfinished:
        network.save_weights(unfinished)
    write_whole(trained.training, run.recipe.read_text())
    run.discard()


def train(  # noqa: PLR0913, PLR0917  # what it reads, learns from, is judged on, writes, and may be taught by
    variant: Variant,
    recipe: Recipe,
    training_set: TrainingSet,
    validation: LabelledImages,
    run: Run,
    teacher: keras.Model | None = None,
) -> keras.Sequential:
    """Trains a variant, or resumes an interrupted run; returns the network of the best epoch.

    Raises ValueError if an epoch has fewer images than a batch.
    """
    steps = training_set.mix.epoch_images // recipe.batch_size
    if not steps:
        raise ValueError(f"Expected at least {recipe.batch_size} images. Received: {training_set.mix.epoch_images}")
    run.prepare(variant, recipe, training_set)
    keras.utils.set_random_seed(recipe.seed)
    last_step = build(variant)
    validated = _batches(validation, 1_000).cache()
    network = keras.models.load_model(run.last) if run.last.is_file() else _compiled(variant, recipe, steps)
    best = _accuracy(keras.models.load_model(run.best), validated) if run.best.is_file() else 0.0
    done = int(network.optimizer.iterations) // steps
    if done:
        log.info("%s: resuming after %d of %d epochs", variant.name, done, recipe.epochs)
    with deferred_interrupt() as check:
        heeds = keras.callbacks.LambdaCallback(on_train_batch_end=lambda *_, **__: check())
        for epoch in range(done, recipe.epochs):
            images = epoch_images(training_set, recipe, epoch, teacher)
            images = images.map(_repeated(recipe.step_weights(variant.steps)))
            _seed_noise(network, recipe.seed, epoch)
            name = f"{variant.name} {epoch + 1}/{recipe.epochs}"
            progress = TqdmCallback(verbose=1, desc=name, disable=None, leave=False)
            fitted = network.fit(images, shuffle=False, verbose=0, callbacks=[progress, heeds])
            last_step.set_weights(network.get_weights())
            accuracy = _accuracy(last_step, validated)
            log.info(
                "%s epoch %d of %d: loss %.4f, validation accuracy %.2f %%",
                variant.name, epoch + 1, recipe.epochs, fitted.history["loss"][-1], 100 * accuracy,
            )  # fmt: skip
            if accuracy >= best:
                best = accuracy
                _save(last_step, run.best)
            _save(network, run.last)
            check()
    return keras.models.load_model(run.best)


def epoch_images(
    training_set: TrainingSet, recipe: Recipe, epoch: int, teacher: keras.Model | None = None
) -> tf.data.Dataset:
    """Returns an epoch's batches of views `<float32>[batch, 28, 28, 1]` and targets `<float32>[batch, 10]`.

    A digit's target is one-hot, mixed with the teacher's probabilities; that of a crop without a digit is uniform.
    """
    batches = _batches(training_set.epoch(epoch), recipe.batch_size, drop_remainder=True)

    def view(batch: tf.Tensor, pair: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        crops, labels = pair
        seed = tf.stack([tf.constant(recipe.seed, tf.int64), epoch * 1_000_000 + batch])
        views = random_affine(crops, seed, recipe.views)
        if teacher is not None:
            labels = _taught(labels, tf.nn.softmax(teacher(views, training=False)), recipe.teacher_share)
        faulty = tf.numpy_function(corrupt, (views, batch), tf.float32)
        return tf.ensure_shape(faulty, views.shape), labels

    def corrupt(views: Float32, batch: int) -> Float32:
        return corrupted(views, recipe.corrupted_share, np.random.default_rng((recipe.seed, epoch, batch)))

    # Threads of its own: with those that train, a teacher's step and a training step have waited for each other.
    options = tf.data.Options()
    options.threading.private_threadpool_size = 2
    return batches.enumerate().map(view, num_parallel_calls=1).prefetch(4).with_options(options)


def _taught(targets: tf.Tensor, probabilities: tf.Tensor, share: float) -> tf.Tensor:
    is_digit = tf.reduce_max(targets, axis=1, keepdims=True) == 1
    return tf.where(is_digit, (1 - share) * targets + share * probabilities, targets)


def _batches(images: LabelledImages, size: int, drop_remainder: bool = False) -> tf.data.Dataset:
    def scale(crops: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        one_hot = tf.one_hot(labels, len(LABELS))
        uniform = (1 - tf.reduce_sum(one_hot, axis=1, keepdims=True)) / len(LABELS)
        return tf.cast(crops, tf.float32)[..., tf.newaxis] / INK, one_hot + uniform

    whole = tf.data.Dataset.from_tensor_slices((images.crops, images.labels))
    return whole.batch(size, drop_remainder=drop_remainder).map(scale)


def _repeated(step_weights: Float32) -> Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, ...]]:
    """Repeats each label for every time step, `[batch, steps, 10]`, and adds the steps' weights `[batch, steps]`."""
    # Keras divides a loss by the number of steps, whatever their weights.
    weights = tf.constant(step_weights * len(step_weights))

    def repeat(crops: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, ...]:
        every_step = tf.repeat(labels[:, tf.newaxis], len(step_weights), axis=1)
        return crops, every_step, tf.repeat(weights[tf.newaxis], tf.shape(labels)[0], axis=0)

    return repeat


def _compiled(variant: Variant, recipe: Recipe, steps: int) -> keras.Model:
    network = build_for_training(variant, recipe.cell_noise)
    warmup = max(1, int(recipe.warmup_epochs * steps))
    decay = max(1, recipe.epochs * steps - warmup)
    peak = recipe.peak_learning_rate
    schedule = keras.optimizers.schedules.CosineDecay(0.0, decay, warmup_target=peak, warmup_steps=warmup)
    network.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay, clipnorm=1.0),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing),
    )
    return network


def _seed_noise(network: keras.Model, seed: int, epoch: int) -> None:
    # Keras does not save this state: without it, a resumed run would drop other units and add other noise.
    for index, layer in enumerate(network.layers):
        source = layer.cell if isinstance(layer, keras.layers.RNN) else layer
        if isinstance(source, keras.layers.Dropout | NoisyCell):
            state = np.random.default_rng((seed, epoch, index)).integers(0, 2**32, 2, np.uint32)
            source.seed_generator.state.assign(state)


def _accuracy(network: keras.Model, images: tf.data.Dataset) -> float:
    pairs = ((network.predict_on_batch(crops), labels.numpy()) for crops, labels in images)
    return float(np.concatenate([logits.argmax(axis=1) == labels.argmax(axis=1) for logits, labels in pairs]).mean())


def _save(network: keras.Model, path: Path) -> None:
    with whole_file(path) as unfinished:
        network.save(unfinished)
