"""One of many processes that race for one journal entry; prints its name if it won.

Run as: race.py URL ENTRY NAME. Waits for its standard input to close, so that all start together.
"""

from __future__ import annotations

import sys

from stageline.storage.journal import Journal
from stageline.storage.open import open_store

if __name__ == "__main__":
    url, entries, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    journal = Journal(open_store(url), "race/")
    journal.numbers()
    sys.stdin.read()
    for number in range(1, entries + 1):
        if journal.append(number, f"{name}-{number}".encode()):
            print(f"{name}-{number}")
