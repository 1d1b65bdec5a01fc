import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(__file__)))

MIT = "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\n"

GO = """package shapes

import "errors"

// ErrEmpty is returned for a shape without corners.
var ErrEmpty = errors.New("empty shape")

type Shape struct {
	corners []Point
	name    string
}

func (s *Shape) Name() string { return s.name }

func (s *Shape) Add(p Point) error {
	if s.full() {
		return ErrFull
	}
	s.corners = append(s.corners, p)
	return nil
}

func (s *Shape) Last() (Point, error) {
	if len(s.corners) == 0 {
		return Point{}, ErrEmpty
	}
	return s.corners[len(s.corners)-1], nil
}
"""

PYTHON = '''class Basket:
    """Things to carry home."""

    def __init__(self, owner, limit=10):
        self.owner = owner
        self.limit = limit
        self.things = []

    def add(self, thing):
        if len(self.things) >= self.limit:
            raise ValueError("the basket is full")
        self.things.append(thing)
        return self

    def weight(self):
        total = 0
        for thing in self.things:
            total += thing.weight
        return total
'''


def commit(folder, files):
    """A git repository at folder with files: {path: text}."""
    for path, text in files.items():
        full = folder / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(text if isinstance(text, bytes) else text.encode())
    git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git[:3], "init", "-q"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "files"], check=True, env={**os.environ, "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z", "GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z"})
    return str(folder)


@pytest.fixture
def repository(tmp_path):
    """A small permissive repository with enough Go and Python for a few records."""
    files = {"LICENSE": MIT}
    for i in range(12):
        files[f"pkg{i}/shape.go"] = "".join(GO.replace("Shape", f"Shape{i}x{j}").replace("shapes", f"shapes{i}") for j in range(4))
        files[f"lib/basket{i}.py"] = "".join(PYTHON.replace("Basket", f"Basket{i}x{j}") for j in range(6))
    return commit(tmp_path / "owner+name" / "repo", files)
