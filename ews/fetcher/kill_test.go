//go:build unix

package fetcher_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
	"github.com/ewsmail/ewsmail/ews/fetcher"
	"github.com/ewsmail/ewsmail/ews/internal/sqltest"
)

// TestKill kills real processes on PostgreSQL while mail arrives and Exchange has its moods: each message makes one ticket with the right
// attachment, and the poisoned ones go into quarantine.
func TestKill(t *testing.T) {
	for _, k := range []slaughter{
		{name: "transactional", tx: true, messages: size(2000, 55, 20), kills: size(200, 6, 2), instances: 2},
		{name: "plain", messages: size(2000, 30, 20), kills: size(200, 4, 2), instances: 2},
		{name: "on MariaDB", tx: true, mariadb: true, messages: size(300, 30, 10), kills: size(40, 4, 1), instances: 2},
		{name: "five instances", tx: true, messages: size(500, 30, 10), kills: size(60, 4, 1), instances: 5},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, k.run(t))
		})
	}
}

// slaughter is a run of TestKill.
type slaughter struct {
	name            string
	tx              bool
	mutant          string
	messages, kills int
	instances       int
	mariadb         bool
}

// attached is a message with an attachment of random bytes, and their hash.
func attached(r *rand.Rand, subject string) (raw []byte, digest string) {
	data := make([]byte, 1+r.IntN(60_000))
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	text := base64.StdEncoding.EncodeToString(data)
	var lines []string
	for line := range slices.Chunk([]byte(text), 76) {
		lines = append(lines, string(line))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: ann@example.org\r\nTo: %s\r\nSubject: %s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=cut\r\n\r\n", address, subject)
	fmt.Fprintf(&b, "--cut\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n--cut\r\nContent-Type: application/octet-stream; name=data.bin\r\n")
	fmt.Fprintf(&b, "Content-Disposition: attachment; filename=data.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n--cut--\r\n", strings.Join(lines, "\r\n"))
	sum := sha256.Sum256(data)
	return b.Bytes(), hex.EncodeToString(sum[:])
}

func (k slaughter) run(t *testing.T) (wrong []string) {
	r := rand.New(rand.NewPCG(7, 8))
	start, table := sqltest.PostgreSQL, "CREATE TABLE tickets (id bigserial, key text UNIQUE, subject text NOT NULL, contents text NOT NULL)"
	if k.mariadb {
		start, table = sqltest.MariaDB, "CREATE TABLE tickets (id bigint AUTO_INCREMENT PRIMARY KEY, subject text NOT NULL, contents text NOT NULL)"
	}
	where := start(t)
	db := where.Open(t)
	_, err := db.ExecContext(t.Context(), table)
	require.NoError(t, err)
	store, err := fetcher.NewSQLStore(t.Context(), db, nil)
	require.NoError(t, err)
	require.NoError(t, store.Migrate(t.Context()))
	srv := ewstest.NewServer(&ewstest.Options{NoGzip: true})
	t.Cleanup(srv.Close)
	box := srv.AddMailbox(address)

	// Of a lease this short a busy machine loses some, and each counts as a try of what was under way, as a kill does: a sound message must not run
	// out of tries by that.
	herd := newHerd(t, child{Endpoint: srv.Endpoint(), Driver: where.Driver, DSN: where.DSN, Tx: k.tx, Mutant: k.mutant, TTL: leaseTTL, Attempts: 20}, k.instances)
	defer herd.end()
	want := map[string]string{}
	sent := 0
	for kill := range k.kills {
		for ; sent < k.messages*(kill+1)/k.kills; sent++ {
			raw, digest := attached(r, fmt.Sprint("m", sent))
			want[fmt.Sprint("m", sent)] = digest
			id, err := box.Deliver(raw, nil)
			require.NoError(t, err)
			mood(t, r.IntN(60), srv, box, id.ID)
		}
		// On a machine that is too slow to get anything done in between, several kills would look like a message's fault.
		if now := settled(box); kill%2 == 0 {
			for end := time.Now().Add(30 * time.Second); settled(box) == now && now < sent && time.Now().Before(end); {
				time.Sleep(10 * time.Millisecond)
			}
		}
		time.Sleep(time.Duration(100+r.IntN(500)) * time.Millisecond)
		herd.kill(r.IntN(k.instances))
	}
	poison := 0
	for i := range k.messages {
		if poisoned(i) {
			poison++
		}
	}
	// The rest, as long as it gets on.
	for left, end := -1, time.Now(); time.Now().Before(end.Add(time.Minute)); time.Sleep(50 * time.Millisecond) {
		now := total(box, "inbox")
		if now == 0 && total(box, "Quarantine") == poison {
			if list, err := all(t.Context(), store, "help@example.com/inbox", fetcher.Quarantined); err == nil && len(list) == poison {
				break // and the records, which follow the moves
			}
		}
		if now != left {
			left, end = now, time.Now()
		}
	}
	herd.end()
	made, list := ticketsIn(t, db), []fetcher.Entry(nil)
	for i := range k.messages {
		subject := fmt.Sprint("m", i)
		expected := []string{want[subject]}
		if poisoned(i) {
			expected = nil
		}
		if !slices.Equal(made[subject], expected) {
			wrong = append(wrong, fmt.Sprintf("message %d has %d tickets: %v instead of %v", i, len(made[subject]), made[subject], expected))
		}
	}
	list, err = all(context.WithoutCancel(t.Context()), store, "help@example.com/inbox", fetcher.Quarantined)
	require.NoError(t, err)
	if len(list) != poison || total(box, "Quarantine") != poison {
		wrong = append(wrong, fmt.Sprintf("%d records and %d messages in quarantine instead of %d", len(list), total(box, "Quarantine"), poison))
	}
	for _, e := range list {
		if e.Reason != errNever.Error() {
			wrong = append(wrong, "a wrong reason: "+e.Reason)
		}
	}
	if herd.died.Load() > 0 {
		wrong = append(wrong, fmt.Sprintf("%d programs ended by themselves: %s", herd.died.Load(), herd.words.String()))
	}
	if len(wrong) > enough {
		wrong = append(wrong[:enough], fmt.Sprintf("and %d more", len(wrong)-enough))
	}
	if len(wrong) > 0 {
		said := herd.words.String()
		t.Logf("the programs said at last:\n%s", said[max(0, len(said)-4000):])
	}
	var takeovers int
	require.NoError(t, db.QueryRowContext(context.WithoutCancel(t.Context()), "SELECT epoch FROM fetcher_sources").Scan(&takeovers))
	t.Logf("%d messages, %d takeovers, %d kills of %d processes, %d poisoned", k.messages, takeovers, k.kills, k.instances, poison)
	return wrong
}

// settled counts the messages that are done with.
func settled(box *ewstest.Mailbox) int {
	return total(box, "inbox/Processed") + total(box, "Quarantine")
}

// mood is one of Exchange's, or of another client's.
func mood(t *testing.T, n int, srv *ewstest.Server, box *ewstest.Mailbox, id string) {
	switch n {
	case 0:
		srv.Fault(ewstest.Fault{Do: ewstest.BusyFault(100 * time.Millisecond)})
	case 1:
		srv.Fault(ewstest.Fault{Op: "SyncFolderItems", Do: ewstest.BusyMessage(50 * time.Millisecond)})
	case 2:
		srv.Fault(ewstest.Fault{Op: "GetAttachment", Do: ewstest.CutBody(700)})
	case 3:
		srv.Fault(ewstest.Fault{Op: "MoveItem", Do: ewstest.CutAfter()})
	case 4:
		srv.Fault(ewstest.Fault{Op: "GetItem", Do: ewstest.CutBody(900)})
	case 5:
		require.True(t, box.InvalidateSyncStates("inbox"))
	case 6, 7:
		srv.DropSubscriptions()
	case 8, 9:
		moved, err := box.MoveTo(id, "deleteditems")
		if err == nil {
			_, err = box.MoveTo(moved.ID, "inbox")
		}
		require.True(t, err == nil || errors.Is(err, ewstest.ErrNoItem), "%v", err)
	}
}

func ticketsIn(t *testing.T, db *sql.DB) map[string][]string {
	rows, err := db.QueryContext(t.Context(), "SELECT subject, contents FROM tickets ORDER BY id")
	require.NoError(t, err)
	defer rows.Close()
	made := map[string][]string{}
	for rows.Next() {
		var subject, digest string
		require.NoError(t, rows.Scan(&subject, &digest))
		made[subject] = append(made[subject], digest)
	}
	require.NoError(t, rows.Err())
	return made
}

// words gathers what several processes say.
type words struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// herd are processes, each of which is started again when it was killed.
type herd struct {
	t     *testing.T
	setup string
	procs []*exec.Cmd
	words words // of programs that ended by themselves
	died  atomic.Int32
	ended bool
}

func newHerd(t *testing.T, c child, n int) *herd {
	setup, err := json.Marshal(c)
	require.NoError(t, err)
	h := &herd{t: t, setup: string(setup), procs: make([]*exec.Cmd, n)}
	for i := range h.procs {
		h.start(i)
	}
	return h
}

func (h *herd) start(i int) {
	exe, err := os.Executable()
	require.NoError(h.t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "FETCHER_TEST_CHILD="+h.setup)
	cmd.Stderr = &h.words
	require.NoError(h.t, cmd.Start())
	h.procs[i] = cmd
}

// kill kills a process in the middle of things, and starts another one.
func (h *herd) kill(i int) {
	h.slay(i)
	h.start(i)
}

func (h *herd) slay(i int) {
	_ = h.procs[i].Process.Signal(syscall.SIGKILL)
	_ = h.procs[i].Wait()
	if status, ok := h.procs[i].ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		h.died.Add(1)
	}
}

func (h *herd) end() {
	if h.ended {
		return
	}
	h.ended = true
	for i := range h.procs {
		h.slay(i)
	}
	require.NotContains(h.t, h.words.String(), "WARNING: DATA RACE") // which a killed process has no other way to tell
}
