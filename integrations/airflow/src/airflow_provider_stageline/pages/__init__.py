"""Stageline's pages inside Airflow: mounted in its API server behind its sign-in, shown as tabs and in a menu."""
