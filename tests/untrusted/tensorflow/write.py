"""Writes the checkpoints of this folder, by TensorFlow itself (2.21, in an environment of its own):

python tests/untrusted/tensorflow/write.py tests/untrusted/tensorflow
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow

tf = tensorflow.compat.v1
VARIABLES = {
    "layer/weights": ("float32", (3, 3, 2, 4)), "layer/biases": ("float32", (4,)),
    "layer/weights/Adam": ("float32", (3, 3, 2, 4)), "beta1_power": ("float32", ()),
    "global_step": ("int64", ()), "half": ("float16", (5,)), "double": ("float64", (2, 3)),
    "int32": ("int32", (3,)), "flag": ("bool", (3,)), "byte": ("uint8", (2,)), "empty": ("float32", (0, 3)),
}  # fmt: skip
DIVIDED = {"wide": ((1, 210), 1, 3), "tall": ((5, 2), 0, 2)}


def numbers(dtype, shape):
    values = np.arange(np.prod(shape, dtype=int)) * 2.5 - 3
    return (values % 2 > 1 if dtype == "bool" else values.astype(dtype)).reshape(shape)


def main(folder):
    for version in (1, 2):
        with tf.Graph().as_default(), tf.Session() as session:
            for name, (dtype, shape) in VARIABLES.items():
                tf.get_variable(name, initializer=tf.constant(numbers(dtype, shape)))
            for name, (shape, axis, parts) in DIVIDED.items():
                divide = tf.fixed_size_partitioner(parts, axis=axis)
                tf.get_variable(name, initializer=tf.constant(numbers("float32", shape)), partitioner=divide)
            tf.get_variable("text", initializer=tf.constant("hello"))
            session.run(tf.global_variables_initializer())
            place = folder / f"v{version}"
            place.mkdir()
            tf.train.Saver(write_version=version).save(
                session, str(place / "model.ckpt"), 7, write_meta_graph=False
            )
            (place / "checkpoint").unlink()  # it names the folder


if __name__ == "__main__":
    main(Path(sys.argv[1]))
