"""The engine beside real Keras, in one process. Opt-in: needs keras 3, tf-keras (Keras 2) and tensorflow.

python -m bench.peers.keras_comparison
"""
