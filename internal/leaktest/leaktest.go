// Package leaktest fails the tests of a package that leave goroutines behind.
package leaktest

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long goroutines that end may take to. goleak itself looks for less than half a second, which is not enough for a
// connection's goroutines on a busy machine, nor for those of a library that sleep a second between two looks.
const patience = 30 * time.Second

// Main runs the tests, for a TestMain, and ends the program.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// Find returns an error when goroutines are left that do not end.
func Find() (err error) {
	for end := time.Now().Add(patience); ; {
		if err = goleak.Find(); err == nil || time.Now().After(end) {
			return err
		}
	}
}
