package context

import (
	"slices"
	"strings"
	"testing"
)

func TestStem(t *testing.T) {
	for name, want := range map[string]string{
		"cart.go": "cart", "cart_test.go": "cart", "test_cart.py": "cart", "cart.test.ts": "cart", "cart.spec.ts": "cart",
		"CartTest.java": "Cart", "Cart.java": "Cart", "Makefile": "Makefile", "": "", ".go": "", "a.b.go": "a.b",
		// One affix goes, the first of the list, and never all of the name.
		"test_cart_test.py": "test_cart", "_test.go": "_test", "test_.py": "test_", "Test.java": "Test", "latest.go": "latest",
	} {
		if got := stem(name); got != want {
			t.Errorf("stem(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	for _, test := range []struct{ name, own, names, want string }{
		{"the stem comes first", "cart_test.go", "cart_items.go cart.go card.go", "cart.go cart_items.go card.go"},
		{"whichever is the test", "cart.go", "cart_items.go cart_test.go", "cart_test.go cart_items.go"},
		{"a test in front", "test_cart.py", "test_order.py cart.py", "cart.py test_order.py"},
		{"then the longer prefix", "server.go", "client.go service.go serve.go", "serve.go service.go client.go"},
		{"then the name", "x.go", "b.go a.go B.go", "B.go a.go b.go"},
		{"bytes count, not characters", "größe.go", "grö.go groß.go größer.go", "größer.go grö.go groß.go"},
		{"not itself", "a.go", "a.go b.go", "b.go"},
		{"not what is not UTF-8", "a.go", "a\xff.go b.go", "b.go"},
		{"its own name may be anything", "a\xff.go", "a.go b.go", "a.go b.go"},
		{"nothing", "a.go", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			names := strings.Fields(test.names)
			slices.Reverse(names)
			if got := strings.Join(Nearest(test.own, names), " "); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}
