package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// checkWritable refuses a target whose mode has no write bit for anyone:
// replacing a file needs no permission on the file itself, and none at all for
// root, so the system would not refuse.
func checkWritable(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o222 == 0 {
		return fmt.Errorf("%s: is read-only; make it writable (chmod u+w) or leave out --write to see the diff", name)
	}
	return nil
}

// writeBack replaces the content of name by text in one step: a reader sees the
// old content or the new, never a part. Mode and owner are kept and a symbolic
// link is followed. before is what was read: a file that has changed since is
// left alone.
func writeBack(name string, before, text []byte) error {
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	if err := checkWritable(target); err != nil {
		return err
	}
	current, err := os.ReadFile(target)
	if err != nil {
		return err
	}
	if !bytes.Equal(current, before) {
		return fmt.Errorf("%s: changed while it was being filled; nothing was written, run the command again", name)
	}
	if err := replaceFile(target, text); err != nil {
		return fmt.Errorf("%s: cannot be written, it is as it was: %w", name, err)
	}
	return nil
}
