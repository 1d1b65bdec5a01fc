package lsp_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lacuna-dev/lacuna/lsp"
	"github.com/lacuna-dev/lacuna/lsp/lsptest"
)

// twoThousandLines are a Go file with a hole at its end, and the cursor there.
func twoThousandLines() string {
	var source strings.Builder
	source.WriteString("package a\n")
	for i := range 250 {
		fmt.Fprintf(&source, "\n// f%d does.\nfunc f%d(a, b int) int {\n\tif a > b {\n\t\treturn a\n\t}\n\treturn b\n}\n", i, i)
	}
	source.WriteString("\nfunc last() {\n\t‸panic(\"TODO\")\n}\n")
	return source.String()
}

// BenchmarkCodeAction measures what a user waits for before a menu opens, over
// the wire: the answer for a file of 2,000 lines that has not changed, and for one
// that has been typed in since.
func BenchmarkCodeAction(b *testing.B) {
	for _, typing := range []bool{false, true} {
		b.Run(map[bool]string{false: "unchanged", true: "typing"}[typing], func(b *testing.B) {
			editor := lsptest.Start(b, lsp.Options{}, lsptest.Profile{})
			buffer := editor.Open("a.go", twoThousandLines())
			editor.Actions(buffer, buffer.Cursor, buffer.Cursor, 0, nil)
			for b.Loop() {
				if typing {
					editor.Change(buffer, lsptest.Change{Start: buffer.Cursor, End: buffer.Cursor, Text: " "})
				}
				if actions := editor.Actions(buffer, buffer.Cursor, buffer.Cursor, 0, nil); len(actions) != 1 {
					b.Fatalf("offered are %+v", actions)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/answer")
		})
	}
}
