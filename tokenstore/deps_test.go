package tokenstore_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A program that imports a package links what that package needs, and nothing of its neighbours.
func TestDependencies(t *testing.T) {
	const module = "github.com/ewsmail/ewsmail/"
	drivers := []string{"github.com/jackc/", "modernc.org/", "github.com/go-sql-driver/", "github.com/redis/", "github.com/godbus/", "github.com/zalando/"}
	for pkg, allowed := range map[string][]string{
		"tokenstore":              nil,
		"tokenstore/sqlstore":     nil, // the driver is the program's choice
		"tokenstore/redisstore":   {"github.com/redis/"},
		"tokenstore/keyringstore": {"github.com/zalando/", "github.com/godbus/"},
	} {
		out, err := exec.Command("go", "list", "-deps", module+pkg).Output()
		require.NoError(t, err)
		deps := strings.Fields(string(out))
		require.Contains(t, deps, module+pkg)
		forbidden := append([]string{"github.com/Azure/", module + "ews", module + "azureoauth", "testing"}, drivers...)
		for _, dep := range deps {
			for _, f := range forbidden {
				ok := false
				for _, a := range allowed {
					ok = ok || a == f
				}
				if !ok && strings.HasPrefix(dep, f) {
					t.Errorf("%s links %s", pkg, dep)
				}
			}
		}
	}
}
