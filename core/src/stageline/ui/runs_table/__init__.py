"""What the table of an experiment's runs shows, computed: what the address asks, columns, filter, rows, groups."""
