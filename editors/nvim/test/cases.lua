-- Places where the tests ask for text. A model may be silent at any one of them,
-- for that is what it should do when it is in doubt; it may not be silent at all
-- of them. "‸" is the cursor, always at the end of a line.
return {
  {
    language = 'Go',
    file = 'demo.go',
    ghost = {
      { type = 'total', text = [[
package demo

// Sum returns the sum of all values.
func Sum(values []int) int {
	total := 0
	for _, value := range values {
		‸
	}
	return total
}
]] },
      { type = 'if err', text = [[
package demo

import "os"

func read(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	‸
		return nil, err
	}
	return data, nil
}
]] },
      { type = 'for _, name :', text = [[
package demo

import "fmt"

func print(names []string) {
	‸
		fmt.Println(name)
	}
}
]] },
      { type = 'return', text = [[
package demo

func add(a, b int) int {
	sum := a + b
	‸
}
]] },
    },
    stubs = {
      { stub = '\tpanic("not implemented")', text = [[
package demo

import "os"

// read returns the contents of the file at path.
func read(path string) ([]byte, error) {
	panic("not implemented")
}

// size returns the number of bytes.
func size(data []byte) int {
	return len(data)
}
]] },
      { stub = '\tpanic("not implemented")', text = [[
package demo

// Max returns the larger of a and b.
func Max(a, b int) int {
	panic("not implemented")
}

// Min returns the smaller of a and b.
func Min(a, b int) int {
	if a < b {
		return a
	}
	return b
}
]] },
      { stub = '\tpanic("not implemented")', text = [[
package demo

type stack struct {
	items []int
}

// Len returns the number of items.
func (s *stack) Len() int {
	panic("not implemented")
}

// Empty tells whether there are no items.
func (s *stack) Empty() bool {
	return len(s.items) == 0
}
]] },
    },
  },
  {
    language = 'Python',
    file = 'demo.py',
    ghost = {
      { type = 'if items is', text = [[
def first(items):
    ‸
        return None
    return items[0]
]] },
      { type = 'if value is None', text = [[
def listed(value):
    ‸
        value = []
    return value
]] },
      { type = 'total', text = [[
def total(values):
    """Return the sum of all values."""
    total = 0
    for value in values:
        ‸
    return total
]] },
      { type = 'for name', text = [[
def show(names):
    ‸
        print(name)
]] },
      { type = 'self.height', text = [[
class Box:
    def __init__(self, width, height):
        self.width = width
        ‸

    def area(self):
        return self.width * self.height
]] },
      { type = 'return', text = [[
def add(a, b):
    result = a + b
    ‸
]] },
    },
    stubs = {
      { stub = '        raise NotImplementedError', text = [[
class Box:
    def __init__(self, width, height):
        self.width = width
        self.height = height

    def area(self):
        raise NotImplementedError

    def perimeter(self):
        return 2 * (self.width + self.height)
]] },
      { stub = '    raise NotImplementedError', text = [[
def smaller(a, b):
    """Return the smaller of a and b."""
    if a < b:
        return a
    return b


def larger(a, b):
    """Return the larger of a and b."""
    raise NotImplementedError


print(larger(1, 2))
]] },
      { stub = '    raise NotImplementedError', text = [[
import json


def load(path):
    """Read a JSON file."""
    raise NotImplementedError


def save(path, data):
    """Write a JSON file."""
    with open(path, "w") as f:
        json.dump(data, f)
]] },
    },
  },
}
