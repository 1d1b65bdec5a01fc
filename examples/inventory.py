"""Keeps track of what is in stock.

It has five holes to be filled by "lacuna fill", one of them a syntax error, so
it does not run as it is.
"""

import sys


class Item:
    """One kind of thing in stock."""

    def __init__(self, name, count=0):
        self.name = name
        self.count = __hole__

    def __repr__(self):
        return f"Item({self.name!r}, {self.count})"


class Store:
    """Holds the items by name."""

    def __init__(self):
        self.items = {}

    def __len__(self):
        """Return the number of items."""
        pass

    def get(self, name):
        """Return the item with the given name, or None."""
        raise NotImplementedError

    def add(self, name, count):
        """Put count pieces of an item into the store."""
        item = self.items.get(name)
        if item is None:
            item = Item(name)
            self.items[name] = item
        item.count += count

    def names(self):
        """Return the names of all items, sorted."""
        return sorted(self.items)

    def total(self):
        """Return the sum of all counts."""
        total = 0
        for item in self.items.values():
            # HOLE
        return total

    def load(self, path):
        """Read one name a line from a file."""
        with open(path) as f:
            for line in f:
                self.add(line.strip(), 1)


def main():
    store = Store()
    store.load("stock.txt")
    for name in store.names():
        item =
        print(item.name, item.count)
    return 0


if __name__ == "__main__":
    sys.exit(main())
