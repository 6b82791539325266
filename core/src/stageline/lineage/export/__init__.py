"""The graph in the languages of others: OpenLineage, Mermaid, DOT; and as JSON of our own, which reads back."""
