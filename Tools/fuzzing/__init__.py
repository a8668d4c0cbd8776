"""The harness around the fuzz targets in `Sources/FuzzTargets`."""
