package fetcher_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
)

// TestTenK: ten thousand messages arrive while the program dies hundreds of times and Exchange has its moods. Each makes one ticket, soon; one
// in a hundred never passes, and goes into quarantine.
func TestTenK(t *testing.T) {
	for _, s := range forms[:2] {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			z := size(storm{messages: 10_000, life: 118, crashes: 400}, storm{messages: 300, life: 150, crashes: 5}, storm{messages: 60, life: 110, crashes: 2})
			if s.tx {
				z.life = z.life * 4 / 5 // it takes fewer steps for a message
			}
			synctest.Test(t, func(t *testing.T) { z.run(t, s, nil) })
		})
	}
}

// storm is a run of TestTenK.
type storm struct {
	messages, life, crashes int
	seed                    uint64 // 0 is a seed like any other; the scheduler adds chance of its own
}

var errNever = errors.New("this one never passes")

func poisoned(i int) bool { return i%100 == 50 }

// poison counts them.
func (z storm) poison() int { return (z.messages + 49) / 100 }

// run goes through the storm. wrong, if not nil, is told what is wrong instead of the test.
func (z storm) run(t *testing.T, s subject, wrong func(string)) {
	r := rand.New(rand.NewPCG(5, 6+z.seed))
	w := newWorld(t, &ewstest.Options{NoGzip: true})
	defer w.close()
	var d desk
	var store fetcher.Store
	if s.tx {
		d, store = newSQLDesk(t)
	} else {
		d, store = &keyDesk{tickets: newTickets(), blind: s.blind}, fetcher.NewMemoryStore()
	}
	defer d.close()

	var mu sync.Mutex
	arrived := map[string]time.Time{}
	var waits []time.Duration
	o := &fetcher.Options{Store: store, Parallel: 8, MaxAttempts: 6, MaxBackoff: 2 * time.Minute, After: fetcher.Action{Move: processed}, Watch: polling()}
	serve(o, d, func(msg *ews.Message) error {
		mu.Lock()
		defer mu.Unlock()
		var i int
		if _, err := fmt.Sscanf(msg.Subject, "m%d", &i); err != nil || poisoned(i) {
			return errNever
		}
		waits = append(waits, time.Since(arrived[msg.Subject]))
		return nil
	})

	// The program, which dies and is started again.
	ctx, stop := context.WithCancel(t.Context())
	crashes := 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			f, err := fetcher.New(w.m, ews.Inbox, o)
			require.NoError(t, err)
			if s.mutant != nil {
				fetcher.Mutate(f, s.mutant)
			}
			life, end := context.WithCancel(ctx)
			mu.Lock()
			lives := 1 + r.IntN(2*z.life)
			mu.Unlock()
			fetcher.Mortal(f, lives, end)
			_ = f.Run(life)
			if life.Err() != nil && ctx.Err() == nil {
				crashes++
			}
			end()
			time.Sleep(time.Second)
		}
	}()

	// The mail, and Exchange's moods.
	for i := range z.messages {
		mu.Lock()
		subject := fmt.Sprint("m", i)
		arrived[subject] = time.Now()
		pause := time.Duration(r.IntN(2500)) * time.Millisecond
		mood := r.IntN(40)
		mu.Unlock()
		id := w.mail(t, mail(subject), nil)
		switch mood {
		case 0:
			w.Fault(ewstest.Fault{Do: ewstest.BusyFault(2 * time.Second)})
		case 1:
			w.Fault(ewstest.Fault{Op: "SyncFolderItems", Do: ewstest.BusyMessage(time.Second)})
		case 2:
			w.Fault(ewstest.Fault{Do: ewstest.CutBody(300)})
		case 3:
			w.Fault(ewstest.Fault{Op: "MoveItem", Do: ewstest.CutAfter()})
		case 4:
			w.Fault(ewstest.Fault{Do: ewstest.CutBefore()})
		case 5:
			require.True(t, w.box.InvalidateSyncStates("inbox"))
		case 6: // somebody drags it away and back
			moved, err := w.box.MoveTo(id, "deleteditems")
			if err == nil {
				_, err = w.box.MoveTo(moved.ID, "inbox")
			}
			require.True(t, err == nil || errors.Is(err, ewstest.ErrNoItem), "%v", err)
		}
		time.Sleep(pause)
	}
	// The poisoned ones are tried for a while.
	const pause = 5 * time.Minute
	for waited := pause; waited < 50*time.Hour; waited += pause {
		time.Sleep(pause)
		if wrong != nil && waited > 2*time.Hour { // it may be for ever
			break
		}
		list, err := all(t.Context(), store, "help@example.com/inbox", fetcher.Quarantined)
		require.NoError(t, err)
		if total(w.box, "inbox") == 0 && len(list) == z.poison() {
			break
		}
	}
	stop()
	<-done
	slices.Sort(waits)
	z.check(t, w, d, store, crashes, waits, wrong)
}

// check looks at what is left.
func (z storm) check(t *testing.T, w *world, d desk, store fetcher.Store, crashes int, waits []time.Duration, wrong func(string)) {
	say := wrong
	if say == nil {
		say = func(what string) { t.Error(what) }
	}
	made := d.counts()
	poison := z.poison()
	for i := range z.messages {
		want := 1
		if poisoned(i) {
			want = 0
		}
		if n := made[fmt.Sprint("m", i)]; n != want {
			say(fmt.Sprintf("message %d has %d tickets", i, n))
		}
	}
	list, err := all(t.Context(), store, "help@example.com/inbox", fetcher.Quarantined)
	require.NoError(t, err)
	if len(list) != poison || total(w.box, "Quarantine") != poison {
		say(fmt.Sprintf("%d records and %d messages in quarantine instead of %d", len(list), total(w.box, "Quarantine"), poison))
	}
	for _, e := range list {
		if !strings.Contains(e.Reason, errNever.Error()) {
			say("a wrong reason: " + e.Reason)
		}
	}
	if n := total(w.box, "inbox/Processed"); n != z.messages-poison {
		say(fmt.Sprintf("%d messages were moved instead of %d", n, z.messages-poison))
	}
	// A program that dies every few seconds is close to what it can get done, and may fall behind for a while.
	late := waits[len(waits)*99/100]
	if late > 5*time.Minute {
		say(fmt.Sprintf("one in a hundred sound messages waited %v", late))
	}
	if crashes < z.crashes {
		say(fmt.Sprintf("only %d crashes", crashes))
	}
	t.Logf("%d messages, %d crashes, %d requests, waits: median %v, p99 %v, longest %v", z.messages, crashes, w.Count(""), waits[len(waits)/2], late, waits[len(waits)-1])
}

// serve lets a desk make tickets of what passes.
func serve(o *fetcher.Options, d desk, passes func(msg *ews.Message) error) {
	d.serve(o, nil)
	if handler := o.Handler; handler != nil {
		o.Handler = func(ctx context.Context, msg *ews.Message) error {
			if err := passes(msg); err != nil {
				return err
			}
			return handler(ctx, msg)
		}
	}
	if handler := o.TxHandler; handler != nil {
		o.TxHandler = func(ctx context.Context, msg *ews.Message, delivery *fetcher.Delivery) error {
			if err := passes(msg); err != nil {
				return err
			}
			return handler(ctx, msg, delivery)
		}
	}
}
