"""How functions become SIMD code: decorators, vectors, and the cache of compiled kernels."""
