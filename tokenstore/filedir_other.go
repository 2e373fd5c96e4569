//go:build !unix

package tokenstore

import "io/fs"

// checkPrivate does nothing: permission bits say little here. On Windows a directory below the user's profile is private
// by the access control list it inherits.
func checkPrivate(string, fs.FileInfo, string) error { return nil }

func unsafeAbove(string, fs.FileInfo, bool) []string { return nil }
