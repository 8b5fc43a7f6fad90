"""Random affine views of crops, for training.

Crops reach the network normalised, so the hand varies, not the camera. Rotation, scale, shear and shift are one
resampling, so that strokes blur once.

Source: Simard, Steinkraus, Platt, Best Practices for Convolutional Neural Networks, 2003, section 2.
"""

from __future__ import annotations

import math

import tensorflow as tf

from device.pixels import SIDE
from pipeline.training.recipe import AffineRange


def random_affine(crops: tf.Tensor, seed: tf.Tensor, reach: AffineRange) -> tf.Tensor:
    """Returns a view of each crop, `<float32>[n, 28, 28, 1]`; the same seed `<int64>[2]` gives the same views."""
    drawn = tf.random.stateless_uniform((6, tf.shape(crops)[0]), seed, -1.0, 1.0)
    angle = drawn[0] * math.radians(reach.rotation_degrees)
    scale_x, scale_y = 1 + drawn[1] * reach.scale, 1 + drawn[2] * reach.scale
    shear = drawn[3] * reach.shear
    cos, sin = tf.cos(angle), tf.sin(angle)
    a, b = cos / scale_x, (shear * cos - sin) / scale_x
    c, d = sin / scale_y, (shear * sin + cos) / scale_y
    middle = (SIDE - 1) / 2
    shift_x, shift_y = drawn[4] * reach.shift_pixels, drawn[5] * reach.shift_pixels
    about_middle_x = middle - a * (middle + shift_x) - b * (middle + shift_y)
    about_middle_y = middle - c * (middle + shift_x) - d * (middle + shift_y)
    zero = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=crops,
        transforms=tf.stack([a, b, about_middle_x, c, d, about_middle_y, zero, zero], axis=1),
        output_shape=(SIDE, SIDE),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
