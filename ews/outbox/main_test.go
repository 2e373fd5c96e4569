package outbox_test

import (
	"sync"
	"testing"

	"github.com/ewsmail/ewsmail/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// aside runs subtests that mostly wait for time to pass, more at once than t.Parallel would.
type aside struct {
	t     *testing.T
	group sync.WaitGroup
	slots chan struct{}
}

func newAside(t *testing.T) *aside { return &aside{t: t, slots: make(chan struct{}, 12)} }

func (a *aside) run(name string, test func(t *testing.T)) {
	a.slots <- struct{}{}
	a.group.Go(func() {
		defer func() { <-a.slots }()
		a.t.Run(name, test)
	})
}

func (a *aside) wait() { a.group.Wait() }
