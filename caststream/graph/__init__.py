"""The frame graph: nodes, the runner that pushes messages through them, graph files."""
