package main

import "testing"

func TestLineColumn(t *testing.T) {
	for _, test := range []struct {
		name, src, at string
		want          int    // byte offset
		fault         string // instead of it
	}{
		{"start", "abc\n", "1:1", 0, ""},
		{"end of line", "abc\ndef\n", "1:4", 3, ""},
		{"second line", "abc\ndef\n", "2:2", 5, ""},
		{"after the last break", "abc\n", "2:1", 4, ""},
		{"empty file", "", "1:1", 0, ""},
		{"characters, not bytes", "héé€x\n", "1:5", 8, ""},
		{"outside the basic plane", "a😀b\n", "1:3", 5, ""},
		{"crlf", "ab\r\ncd\r\n", "2:2", 5, ""},
		{"cr", "ab\rcd", "2:1", 3, ""},
		{"column too far", "abc\n", "1:5", 0, "--at 1:5: line 1 ends at column 4"},
		{"column past a crlf", "ab\r\n", "1:4", 0, "--at 1:4: line 1 ends at column 3"},
		{"line too far", "abc\ndef", "3:1", 0, "--at 3:1: the file has only 2 lines"},
		{"line too far behind a break", "abc\ndef\n", "4:1", 0, "--at 4:1: the file has only 2 lines"},
		{"line too far in an empty file", "", "2:1", 0, "--at 2:1: the file has only 1 line"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var p lineColumn
			if err := p.UnmarshalText([]byte(test.at)); err != nil {
				t.Fatal(err)
			}
			got, err := p.offset([]byte(test.src))
			if test.fault != "" {
				if err == nil || err.Error() != test.fault {
					t.Fatalf("error %v, want %s", err, test.fault)
				}
				return
			}
			if err != nil || got != test.want {
				t.Fatalf("offset %d, %v; want %d", got, err, test.want)
			}
			if back := placeOf([]byte(test.src), got); back != p {
				t.Errorf("placeOf(%d) = %v, want %v", got, back, p)
			}
		})
	}
}

func TestLineColumnSyntax(t *testing.T) {
	for _, text := range []string{"", "3", "3:", ":3", "0:1", "1:0", "a:b", "1:2:3", "-1:1"} {
		var p lineColumn
		if err := p.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as %v", text, p)
		}
	}
}
