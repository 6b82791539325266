"""The flavors that come with Stageline, one module a framework; each is loaded when it is named."""
