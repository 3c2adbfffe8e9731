"""Movies: the generator of moving squares, files of one's own, scores and pictures."""

from engine.movies.generator import generate_movies

__all__ = ["generate_movies"]
