"""PyTorch through torch.compile: the whole network, its loop over time unrolled, is one graph."""

from bench.peers.torch_network import TorchPeer
from bench.peers.worker import serve

if __name__ == "__main__":
    serve(lambda work, threads, form: TorchPeer(work, threads, form, compiled=True))
