"""The benchmark of vecdb against other vector search libraries; `Tools/benchmark --help` says how to run it."""
