import json
import os


class Stack:
    def __init__(self):
        self.items = __hole__

    def push(self, item):
        self.items.append(__hole__)

    def pop(self):
        if not self.items:
            raise IndexError(__hole__)
        return __hole__

    def __len__(self):
        return len(__hole__)


def load(path):
    """Read JSON from a file."""
    with open(path) as f:
        return __hole__


def add(a, b):
    """Return the sum of a and b."""
    pass


def longest(words):
    """Return the longest word."""
    best = ""
    for word in words:
        if len(word) > __hole__:
            best = word
    return best


def names(folder):
    """List the files of a folder."""
    for name in os.listdir(folder):
        if name.endswith(__hole__):
            yield __hole__
