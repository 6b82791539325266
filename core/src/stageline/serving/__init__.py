"""A model as an HTTP server: MLflow's scoring protocol, in worker processes that a parent replaces and drains.

What is not of models (`door`, `hosts`, `bodies`, `listening`, `post`, `team`, `supervisor`) the server of MLflow's
tracking protocol uses too.
"""
