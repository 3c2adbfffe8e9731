"""How functions become SIMD code: decorators, vectors, addresses."""
