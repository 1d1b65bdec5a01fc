; @hole.marker  explicit markers: a comment, or an identifier for an expression.
; The query runs only on a source that contains HOLE or __hole__.

((comment) @hole.marker (#match? @hole.marker "^#\\s*HOLE\\s*$"))
((identifier) @hole.marker (#eq? @hole.marker "__hole__"))
