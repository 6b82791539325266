"""Moving in and out: what other trackers hold comes into a store, and what a store holds goes elsewhere."""
