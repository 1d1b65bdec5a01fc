//go:build ignore

// Inventory keeps track of what is in stock. It has five holes to be filled by
// "lacuna fill", one of them a syntax error, so it does not compile as it is.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
)

var errNotFound = errors.New("no such item")

// Item is one kind of thing in stock.
type Item struct {
	Name  string
	Count int
}

// Store holds the items by name.
type Store struct {
	items map[string]*Item
	names []string
}

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{items: make(map[string]*Item)}
}

// Len returns the number of items.
func (s *Store) Len() int {
}

// Get returns the item with the given name, or errNotFound.
func (s *Store) Get(name string) (*Item, error) {
	item, ok := s.items[name]
	if !ok {
		return nil, /* HOLE */
	}
	return item, nil
}

// Add puts count pieces of an item into the store.
func (s *Store) Add(name string, count int) {
	item, ok := s.items[name]
	if !ok {
		item = &Item{Name: name}
		s.items[name] = item
		s.names = append(s.names, name)
	}
	item.Count += count
}

// Names returns the names of all items.
func (s *Store) Names() []string {
	panic("not implemented")
}

// Total returns the sum of all counts.
func (s *Store) Total() int {
	total := 0
	for _, item := range s.items {
		// HOLE
	}
	return total
}

// Load reads one name a line from a file.
func (s *Store) Load(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	scanner := bufio.NewScanner(f)
	for scanner.Scan() {
		s.Add(strings.TrimSpace(scanner.Text()), 1)
	}
	return scanner.Err()
}

func main() {
	s := NewStore()
	if err := s.Load("stock.txt"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, name := range {
		fmt.Println(name)
	}
}
