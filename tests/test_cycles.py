"""No module needs another that needs it, not even for its types alone."""

from graphlib import TopologicalSorter

import grimp


def test_imports_go_round_in_no_circle():
    graph = grimp.build_graph("asap_lightning")
    needs = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    TopologicalSorter(needs).prepare()  # a CycleError names the modules of a circle
