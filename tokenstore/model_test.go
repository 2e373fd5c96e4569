package tokenstore_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// This is an explicit-state model of what Sources on one record do, at the level of their steps seen from outside: reads and
// writes of the record, the lock, the request. All interleavings are walked through, with leases that expire, processes that
// crash, and a reply that gets lost. TestSchedules checks that the real code does nothing the model does not know.

// design is what the model's instances do. The zero value is what ships, over a store that locks WhileProcess.
type design struct {
	lease  bool // the lock may expire under its holder
	noLock bool // the store cannot lock: intent and compare-and-swap have to do
	paused bool // with lease or noLock: a process may stop, between request and save, for longer than an attempt may take

	// Mutants: each takes one guard away.
	noReload       bool // under the lock
	noCheck        bool // of the lock and the deadline before sending
	noIntent       bool
	blindSave      bool // without compare-and-swap
	wipe           bool // on invalid_grant
	noReloadOnFail bool // on invalid_grant
	unlockEarly    bool // before the save
	handOutOld     bool // keeps what it read before the lock when the record has changed: refreshes all the same
}

type server struct{ lenient bool }

// steps of an instance
const (
	atLoad0 = iota
	atLock
	atLoad
	atIntent
	atCheck
	atSend
	atSave
	atResolve
	atRefusedLoad
	atMark
	atFailLoad
	atFail
	atClear
	atUnlock
	atDone
	atCrashed
)

type inst struct {
	pc      int8
	version int8 // of the record as loaded
	tok     int8 // the refresh token as loaded
	got     int8 // from the reply
	over    bool // the attempt's deadline has passed
}

type world struct {
	in [3]inst
	// the record
	version, tok, intent int8 // intent: 1 + the instance, 0 none
	marked, wiped        bool
	// the server
	cur, issued int8
	dead        bool
	// the lock: 1 + the instance, 0 free
	lock                     int8
	expiries, crashes, losts int8
	excused                  bool // a crash or a lost reply cost the server's answer: nothing can save a strict grant then
}

type step struct {
	who   int
	label string
	to    world
}

func (d design) waits() bool { return d.lease || d.noLock }

// next returns every step that some instance, or the environment, can take.
func (d design) next(w world, n int, srv server) (steps []step) {
	add := func(who int, label string, to world) { steps = append(steps, step{who, label, to}) }
	for i := range n {
		me := w.in[i]
		if me.pc == atDone || me.pc == atCrashed {
			continue
		}
		if w.crashes > 0 && me.pc > atLoad0 {
			to := w
			to.crashes--
			to.excused = to.excused || me.pc == atSave || me.pc == atResolve
			to.in[i].pc = atCrashed
			if !d.lease && to.lock == int8(i+1) {
				to.lock = 0
			}
			add(i, "crash", to)
		}
		d.walk(w, i, srv, func(label string, to world) { add(i, label, to) })
	}
	if h := w.lock; d.lease && h > 0 && (w.expiries > 0 || w.in[h-1].pc == atCrashed) {
		to := w
		if w.in[h-1].pc != atCrashed {
			to.expiries--
		}
		to.lock = 0
		add(-1, "expire", to)
	}
	return steps
}

// walk yields the step instance i can take.
func (d design) walk(w world, i int, srv server, yield func(string, world)) {
	me := w.in[i]
	holds := func(w world) bool { return d.noLock || w.lock == int8(i+1) }
	go_ := func(label string, pc int8, change func(to *world, me *inst)) {
		to := w
		to.in[i].pc = pc
		if change != nil {
			change(&to, &to.in[i])
		}
		yield(label, to)
	}
	end := int8(atUnlock)
	if d.noLock {
		end = atDone
	}
	load := func(to *world, me *inst) { me.version, me.tok = to.version, to.tok }
	switch me.pc {
	case atLoad0:
		switch {
		case w.tok != 0 || w.marked: // another instance's result
			go_("load", atDone, nil)
		case d.noLock:
			go_("load", atLoad, load)
		default:
			go_("load", atLock, load)
		}
	case atLock:
		if w.lock == 0 {
			pc := int8(atLoad)
			if d.noReload {
				pc = atIntent
			}
			go_("lock", pc, func(to *world, _ *inst) { to.lock = int8(i + 1) })
		}
	case atLoad:
		owner := w.intent - 1
		switch {
		case (w.tok != 0 || w.marked) && !d.handOutOld:
			go_("load", end, nil)
		case !d.noIntent && w.intent != 0 && owner != int8(i) && d.waits():
			o := w.in[owner]
			busy := o.pc == atSave && !d.paused || o.pc == atResolve && !d.paused
			if !busy {
				go_("load", atIntent, func(to *world, me *inst) { load(to, me); to.in[owner].over = true })
			}
			go_("load", atLoad, nil) // and again
		default:
			go_("load", atIntent, load)
		}
	case atIntent:
		switch {
		case d.noIntent:
			go_("intent", atCheck, nil)
		case w.version != me.version:
			go_("conflict", atLoad, nil)
		default:
			go_("intent", atCheck, func(to *world, me *inst) {
				to.version++
				to.intent, me.version, me.over = int8(i+1), to.version, false
			})
		}
		if d.noReload && w.version != me.version { // it has no newer version to go by: it takes what is there, unread
			go_("intent", atCheck, func(to *world, me *inst) { me.version = to.version })
		}
	case atCheck:
		if !d.noCheck && !holds(w) {
			go_("lost", atClear, nil)
		} else {
			go_("check", atSend, nil)
		}
	case atSend:
		if me.over && !d.noCheck {
			go_("late", atClear, nil)
			return
		}
		ok := !w.dead && (me.tok == w.cur || srv.lenient)
		if !ok {
			go_("refused", atRefusedLoad, func(to *world, _ *inst) { to.dead = to.dead || !srv.lenient })
			return
		}
		answer := func(to *world, me *inst) { to.issued++; to.cur, me.got = to.issued, to.issued }
		pc := int8(atSave)
		if d.unlockEarly {
			go_("send", pc, func(to *world, me *inst) {
				answer(to, me)
				if to.lock == int8(i+1) {
					to.lock = 0
				}
				if to.intent == int8(i+1) {
					to.intent = 0
				}
			})
			return
		}
		go_("send", pc, answer)
		if w.losts > 0 {
			go_("no reply", atFailLoad, func(to *world, me *inst) { answer(to, me); to.losts--; to.excused = true; me.got = 0 })
		}
	case atSave:
		if w.version != me.version && !d.blindSave {
			go_("conflict", atResolve, nil)
			return
		}
		go_("save", end, func(to *world, me *inst) {
			to.version++
			to.tok, to.intent = me.got, 0
			to.marked = false
		})
	case atResolve:
		if w.tok != 0 && w.tok != me.tok || w.wiped { // the same generation by another: theirs
			go_("load", end, nil)
		} else {
			go_("load", atSave, func(to *world, me *inst) { me.version = to.version })
		}
	case atRefusedLoad:
		switch {
		case d.wipe:
			go_("wipe", end, func(to *world, _ *inst) { to.wiped = true; to.version++ })
		case w.tok != me.tok && !d.noReloadOnFail:
			go_("load", end, nil)
		case d.noReloadOnFail:
			go_("mark", end, func(to *world, _ *inst) { to.marked = true; to.version++ })
		default:
			go_("load", atMark, func(to *world, me *inst) { me.version = to.version })
		}
	case atMark:
		if w.version != me.version {
			go_("conflict", end, nil)
		} else {
			go_("mark", end, func(to *world, _ *inst) { to.version++; to.marked, to.intent = true, 0 })
		}
	case atFailLoad:
		if w.tok != me.tok {
			go_("load", end, nil)
		} else {
			go_("load", atFail, func(to *world, me *inst) { me.version = to.version })
		}
	case atFail, atClear:
		if w.version != me.version {
			go_("conflict", end, nil)
		} else {
			go_("note", end, func(to *world, _ *inst) { to.version++; to.intent = 0 })
		}
	case atUnlock:
		go_("unlock", atDone, func(to *world, _ *inst) {
			if to.lock == int8(i+1) {
				to.lock = 0
			}
		})
	}
}

// violation judges a state nothing follows.
func (w world) violation(n int, srv server) string {
	for i := range n {
		if pc := w.in[i].pc; pc != atDone && pc != atCrashed {
			return fmt.Sprintf("instance %d is stuck at step %d", i, pc)
		}
	}
	switch {
	case w.wiped:
		return "the record was wiped"
	case w.excused:
		return ""
	case w.dead:
		return "the grant is dead, without a crash or a lost reply at the wrong moment"
	case w.marked:
		return "a sign-in is asked for although the grant lives"
	case w.issued > 1:
		return "refreshed more than once"
	case w.tok != w.cur && !srv.lenient:
		return "the record holds a spent refresh token"
	}
	return ""
}

// explore walks through all interleavings.
func (d design) explore(n int, srv server, expiries, crashes, losts int8) (states int, violations map[string]int) {
	start := world{expiries: expiries, crashes: crashes, losts: losts}
	for i := n; i < 3; i++ {
		start.in[i].pc = atDone
	}
	violations = make(map[string]int)
	seen := map[world]bool{start: true}
	todo := []world{start}
	for len(todo) > 0 {
		w := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		moved := false
		for _, s := range d.next(w, n, srv) {
			if s.to != w {
				moved = true
			}
			if !seen[s.to] {
				seen[s.to] = true
				todo = append(todo, s.to)
			}
		}
		if !moved {
			if v := w.violation(n, srv); v != "" {
				violations[v]++
			}
		}
	}
	return len(seen), violations
}

func (d design) exploreAll() (states int, violations map[string]int) {
	violations = make(map[string]int)
	for _, n := range []int{2, 3} {
		if n == 3 && d.lease && !long() {
			continue // half a million states
		}
		for _, srv := range []server{{lenient: false}, {lenient: true}} {
			// Budgets are upper limits: the runs with fewer events are among these.
			s, v := d.explore(n, srv, 2, 2, 1)
			states += s
			for k, c := range v {
				violations[k] += c
			}
		}
	}
	return states, violations
}

func TestModel(t *testing.T) {
	for name, d := range map[string]design{
		"as shipped, lock while the process lives": {},
		"lease and intent, nobody paused":          {lease: true},
		"intent only, nobody paused":               {noLock: true},
	} {
		states, violations := d.exploreAll()
		t.Logf("%s: %d states, violations %v", name, states, violations)
		require.Greater(t, states, 3000, name)
		require.Empty(t, violations, name)
	}
	for name, d := range map[string]design{
		"no lock, no intent":                {noLock: true, noIntent: true},
		"lease without intent":              {lease: true, noIntent: true},
		"lease without the check":           {lease: true, noCheck: true},
		"a paused holder of a lease":        {lease: true, paused: true}, // why a lease is documented as the weaker lock
		"no reload under the lock":          {noReload: true},
		"old token used after a change":     {handOutOld: true},
		"wipe on invalid_grant":             {lease: true, noIntent: true, wipe: true},
		"no reload on invalid_grant":        {lease: true, noIntent: true, noReloadOnFail: true},
		"blind save":                        {lease: true, paused: true, blindSave: true},
		"unlocked before the save":          {unlockEarly: true},
		"no lock, no check of the deadline": {noLock: true, noCheck: true},
	} {
		_, violations := d.exploreAll()
		require.NotEmpty(t, violations, "mutant %q survives", name)
		t.Logf("mutant %q: %v", name, violations)
	}
}
