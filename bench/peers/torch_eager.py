"""PyTorch without compilation."""

from bench.peers.torch_network import TorchPeer
from bench.peers.worker import serve

if __name__ == "__main__":
    serve(lambda work, threads, form: TorchPeer(work, threads, form, compiled=False))
