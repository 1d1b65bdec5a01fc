package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// recordLog writes JSON lines; a nil one writes nothing.
type recordLog struct {
	file *os.File
	buf  *bufio.Writer
}

func openRecords(name string) (*recordLog, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("--records: %w", err)
	}
	return &recordLog{file: file, buf: bufio.NewWriter(file)}, nil
}

func (l *recordLog) Write(r evalRecord) error {
	if l == nil {
		return nil
	}
	return json.NewEncoder(l.buf).Encode(r)
}

func (l *recordLog) Close() error {
	if l == nil {
		return nil
	}
	return errors.Join(l.buf.Flush(), l.file.Close())
}
