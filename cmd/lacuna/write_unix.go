//go:build unix

package main

import (
	"os"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

func replaceFile(target string, text []byte) error {
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	// The temporary file stands beside the target, which is also how a folder
	// that cannot be written to is noticed.
	pending, err := renameio.NewPendingFile(target,
		renameio.WithTempDir(filepath.Dir(target)), renameio.WithExistingPermissions())
	if err != nil {
		return err
	}
	defer pending.Cleanup()
	if owner, ok := info.Sys().(*syscall.Stat_t); ok {
		// Only root may give files away; for anyone else the owner is theirs
		// already or cannot be kept.
		_ = pending.Chown(int(owner.Uid), int(owner.Gid))
	}
	if _, err := pending.Write(text); err != nil {
		return err
	}
	return pending.CloseAtomicallyReplace()
}
