package grammars

// Kind says how a hole was found.
type Kind string

const (
	// KindMarker is an explicit marker: a comment ("/*HOLE*/", "// HOLE",
	// "# HOLE") or the identifier "__hole__".
	KindMarker Kind = "marker"
	// KindBody is an empty function or method body.
	KindBody Kind = "body"
	// KindStub is a body that only says it is missing: panic("not
	// implemented"), TODO comments, pass, ..., raise NotImplementedError.
	KindStub Kind = "stub"
	// KindGap is the place a syntax error leaves open.
	KindGap Kind = "gap"
	// KindDoc is the missing description of a declaration.
	KindDoc Kind = "doc"
	// KindSelection is text that is to be written anew.
	KindSelection Kind = "selection"
	// KindFault is a syntax error.
	KindFault Kind = "fault"
	// KindCursor is an insertion point.
	KindCursor Kind = "cursor"
)

// Span is a half-open byte range of the source.
type Span struct{ Start, End int }

// Hole is a gap with code on both sides. The model sees source[:Start]+Lead on
// the left and Trail+source[End:] on the right; source[Start:End] is replaced
// by Lead+fill+Trail.
type Hole struct {
	Span
	Kind Kind
	// Lead and Trail are fixed text around the fill, for example the line
	// break and indentation that open an empty body. Often empty.
	Lead, Trail string
	// Multiline allows line breaks in the fill.
	Multiline bool
	// Scope is the smallest enclosing function, method or class, or the whole
	// file.
	Scope Span
}

// Shift returns the hole as it lies after n bytes were inserted before it. Its
// Scope stays as it was found.
func (h Hole) Shift(n int) Hole {
	h.Start, h.End = h.Start+n, h.End+n
	return h
}
