"""Keras' files, read and written without Keras: .keras and .weights.h5 of Keras 3, .h5 of Keras 1 and 2 and tf.keras.

The doors are engine.load_model, Sequential.save, Sequential.load_weights and Sequential.save_weights; docs/keras.md
says what goes through them. Needs h5py (pip install 'convlstm-engine[keras]').

    reading.py, writing.py       a file to a description of a network and back
    architecture.py, describe.py the JSON of a model: layer_arguments.py, rules.py, functional.py, parts.py,
                                 keras1.py, compile_arguments.py
    forms.py                     what layers declare of themselves (engine/layers/keras_form.py)
    weights.py, weight_shapes.py the numbers, in the order of files
    archive.py, keras3.py        Keras 3's zip and its HDF5 tree
    keras2.py                    Keras 1's and 2's HDF5
    gates.py                     hard_sigmoid, which is two functions under one name
    hdf5.py, errors.py           files from strangers
"""

from pathlib import Path

from engine.files.keras.errors import naming
from engine.files.keras.reading import HDF5, ZIP, read_network, read_weights
from engine.files.keras.writing import write_network, write_weights

SUFFIXES = (".keras", ".h5", ".hdf5")


def is_keras_file(path: Path) -> bool:
    """Whether `path` is to be read as Keras' file: by its first bytes, or where they say nothing by its name."""
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(8)
        if head.startswith((ZIP, HDF5)):
            return True
    return path.suffix.lower() in SUFFIXES


__all__ = ["SUFFIXES", "is_keras_file", "naming", "read_network", "read_weights", "write_network", "write_weights"]
