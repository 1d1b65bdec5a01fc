package shop

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
)

// Order is what a customer wants.
type Order struct {
	ID    int
	Items []string
	Price float64
}

// Sum adds numbers.
func Sum(numbers []int) int {
	total := 0
	for _, n := range /* HOLE */ {
		total += n
	}
	return /* HOLE */
}

// Read returns the lines of a file.
func Read(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		// HOLE
	}
	return strings.Split(string(data), __hole__), nil
}

// Max returns the larger of two numbers.
func Max(a, b int) int {
	if a > b {
		return /* HOLE */
	}
	return b
}

// String implements fmt.Stringer.
func (o *Order) String() string {
	return fmt.Sprintf(__hole__)
}

// Find returns the order with an id.
func Find(orders []*Order, id int) (*Order, error) {
	for _, order := range orders {
		if __hole__ {
			return order, nil
		}
	}
	return nil, errors.New(__hole__)
}

// ByPrice sorts orders, the cheapest first.
func ByPrice(orders []*Order) {
	sort.Slice(orders, func(i, j int) bool {
		return /* HOLE */
	})
}

// Empty says whether an order has no items.
func (o *Order) Empty() bool {
}
