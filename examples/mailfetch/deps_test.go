package main

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/ewsmail/ewsmail/"

// deps is every package that a program links when it imports these.
func deps(t *testing.T, packages ...string) []string {
	t.Helper()
	args := []string{"list", "-deps"}
	for _, p := range packages {
		args = append(args, module+p)
	}
	out, err := exec.CommandContext(t.Context(), "go", args...).Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return strings.Fields(string(out))
}

// heavy finds the packages that only a program which asks for them may link.
func heavy(packages []string) []string {
	var found []string
	for _, p := range packages {
		for _, word := range []string{
			"azcore", "azidentity", "azure-sdk", "microsoft-authentication-library",
			"database/sql", "pgx", "sqlite", "mysql", "redis", "dbus", "keyring", "wincred",
			"progressbar", "testing", "ewstest", "azuretest", "storetest",
		} {
			if p == word || strings.Contains(p, "/") && strings.Contains(p, word) {
				found = append(found, p)
				break
			}
		}
	}
	return found
}

// A program pays for what it imports and for nothing else.
func TestWhatProgramsLink(t *testing.T) {
	if got := heavy([]string{"net/http", "database/sql", "github.com/redis/go-redis/v9", "github.com/ewsmail/ewsmail/ews", "testing"}); len(got) != 3 {
		t.Fatalf("heavy finds %v", got)
	}
	for _, packages := range [][]string{{"ews"}, {"tokenstore"}, {"azureoauth"}, {"azureoauth", "tokenstore", "ews"}} {
		all := deps(t, packages...)
		if len(all) < 50 {
			t.Fatalf("go list names only %d packages for %v", len(all), packages)
		}
		if bad := heavy(all); len(bad) > 0 {
			t.Errorf("%v link %v", packages, bad)
		}
	}
}

// Each of the three can be used without the other two.
func TestTopPackagesDoNotKnowEachOther(t *testing.T) {
	top := []string{"azureoauth", "tokenstore", "ews"}
	for _, p := range top {
		for _, dep := range deps(t, p) {
			for _, other := range top {
				if other != p && (dep == module+other || strings.HasPrefix(dep, module+other+"/")) {
					t.Errorf("%s links %s", p, dep)
				}
			}
		}
	}
}
