//go:build unix && !linux

package tokenstore_test

import "testing"

func dropPrivileges(t *testing.T) { t.Skip("root may write to read-only directories here") }
