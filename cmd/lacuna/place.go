package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// lineColumn is a place as people name it: both 1-based, the column counted in
// characters (Unicode code points).
type lineColumn struct {
	Line, Column int
}

// UnmarshalText reads LINE:COL.
func (p *lineColumn) UnmarshalText(text []byte) error {
	line, column, ok := strings.Cut(string(text), ":")
	l, errLine := strconv.Atoi(line)
	c, errColumn := strconv.Atoi(column)
	if !ok || errLine != nil || errColumn != nil || l < 1 || c < 1 {
		return fmt.Errorf("%q is not LINE:COL, two numbers counted from 1, for example 12:5", text)
	}
	p.Line, p.Column = l, c
	return nil
}

// offset returns the byte offset of p in src. The column after the last
// character of a line is allowed; what lies beyond is bad use.
func (p lineColumn) offset(src []byte) (int, error) {
	start := 0
	for line := 1; line < p.Line; line++ {
		end := lineEnd(src, start)
		if end == len(src) {
			if start == end && line > 1 {
				line-- // nobody counts what follows the last line break
			}
			return 0, usageErrorf("--at %d:%d: the file has only %s", p.Line, p.Column, count(line, "line"))
		}
		start = afterBreak(src, end)
	}
	at, end := start, lineEnd(src, start)
	for column := 1; column < p.Column; column++ {
		if at == end {
			return 0, usageErrorf("--at %d:%d: line %d ends at column %d", p.Line, p.Column, p.Line, column)
		}
		_, size := utf8.DecodeRune(src[at:end])
		at += size
	}
	return at, nil
}

// placeOf is the inverse of offset.
func placeOf(src []byte, offset int) lineColumn {
	p, start := lineColumn{Line: 1}, 0
	for {
		end := lineEnd(src, start)
		if end == len(src) || offset < afterBreak(src, end) {
			break
		}
		p.Line++
		start = afterBreak(src, end)
	}
	p.Column = utf8.RuneCount(src[start:offset]) + 1
	return p
}

// lineEnd returns where the line that holds offset at ends, before its break.
func lineEnd(src []byte, at int) int {
	for at < len(src) && src[at] != '\n' && src[at] != '\r' {
		at++
	}
	return at
}

// afterBreak steps over the line break at end: \n, \r\n or \r, as in LSP.
func afterBreak(src []byte, end int) int {
	if src[end] == '\r' && end+1 < len(src) && src[end+1] == '\n' {
		return end + 2
	}
	return end + 1
}
