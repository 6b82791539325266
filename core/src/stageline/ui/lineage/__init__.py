"""The drawing of a lineage graph: what is drawn, where it lies, and by which lines it hangs together."""
