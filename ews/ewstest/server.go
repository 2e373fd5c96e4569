package ewstest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options of a Server. The zero value, or a nil pointer, is a server that accepts any bearer token.
type Options struct {
	// Verify decides about the bearer token of every request. Nil accepts any token that is not empty as the delegated token of
	// the mailbox that was added first. An *AuthError chooses the x-ms-diagnostics of the 401; any other error is answered
	// as an invalid token. It is called without locks and may block until ctx ends.
	Verify func(ctx context.Context, bearer string) (Identity, error)

	Now      func() time.Time // nil is time.Now; it must not go backwards
	Latency  time.Duration    // passes before every answer
	Listener net.Listener     // where NewServer listens; nil is a free loopback port

	PageLimit     int // most rows of one FindItem or FindFolder page; 0 is 1000, the limit of Exchange Online
	MaxConcurrent int // requests of one user at a time, streams included; more fail with ErrorExceededConnectionCount. 0 is no limit

	ShortPages int // when positive, pages end after so many rows although more were asked for and exist

	Style             Style  // how namespaces are written
	NoGzip            bool   // never compress; otherwise answers are compressed for clients that accept it
	ContentLength     bool   // send Content-Length; otherwise answers are chunked, as Exchange sends long ones
	IllegalCharacters bool   // characters that XML forbids go out as references (&#x1F;), as Exchange sends them; else as U+FFFD
	Version           string // ServerVersionInfo/@Version; "" is V2018_01_08

	PushClient *http.Client // sends the notifications of push subscriptions; nil is a plain client

	// NoAnchor accepts app-only requests without an X-AnchorMailbox header.
	NoAnchor bool
}

// Server is a fake Exchange server. It is safe for concurrent use.
type Server struct {
	URL string // http://127.0.0.1:PORT; empty for a Server made by New

	o      Options
	http   *http.Server
	base   context.Context
	cancel context.CancelFunc
	serve  sync.WaitGroup
	close  sync.Once
	inner  inProcess

	mu            sync.Mutex // guards everything below and all mailboxes; never held during I/O
	closed        bool
	counter       uint64
	ids           uint64
	first         *Mailbox
	public        *Mailbox // the public folders, once there are any
	mailboxes     []*Mailbox
	byAddress     map[string]*Mailbox
	groups        map[string]*group
	roomLists     []string // addresses of groups
	requests      []*Request
	outbound      []Outbound
	held          []held
	faults        []*FaultCounter
	subscriptions map[string]*subscription
	open          map[string]int // requests being answered, by user
	mostOpen      map[string]int
}

// New returns a Server that does not listen: reach it through its Transport, or serve it as an http.Handler. The caller must Close it.
func New(o *Options) *Server {
	s := &Server{byAddress: map[string]*Mailbox{}, groups: map[string]*group{}, subscriptions: map[string]*subscription{},
		open: map[string]int{}, mostOpen: map[string]int{}}
	if o != nil {
		s.o = *o
	}
	if s.o.Now == nil {
		s.o.Now = time.Now
	}
	if s.o.PageLimit <= 0 {
		s.o.PageLimit = 1000
	}
	if s.o.Version == "" {
		s.o.Version = "V2018_01_08"
	}
	s.base, s.cancel = context.WithCancel(context.Background())
	return s
}

// NewServer returns a Server that listens on Options.Listener or a free loopback port. It panics when it cannot listen, as
// httptest.NewServer does. The caller must Close it.
func NewServer(o *Options) *Server {
	s := New(o)
	l := s.o.Listener
	if l == nil {
		var err error
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			if l, err = net.Listen("tcp6", "[::1]:0"); err != nil {
				panic(fmt.Sprintf("ewstest: cannot listen on a loopback port: %v", err))
			}
		}
	}
	s.URL = "http://" + l.Addr().String()
	s.http = s.newHTTPServer()
	s.serve.Go(func() { _ = s.http.Serve(l) })
	return s
}

func (s *Server) newHTTPServer() *http.Server {
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          discardLog(),
		BaseContext:       func(net.Listener) context.Context { return s.base },
	}
}

// Endpoint returns the URL that clients are configured with. That of a Server made by New is for its Transport.
func (s *Server) Endpoint() string {
	return orDefault(s.URL, "http://127.0.0.1") + "/EWS/Exchange.asmx"
}

// Close ends open streams and connections and waits for the listener's goroutine. It may be called more than once.
func (s *Server) Close() {
	s.close.Do(func() {
		s.mu.Lock()
		s.closed = true // nothing is started from here on
		s.mu.Unlock()
		s.cancel()
		if s.http != nil {
			_ = s.http.Close()
		}
		s.inner.close()
		s.serve.Wait()
	})
}

// AddMailbox creates a mailbox with the folders of a new one, or returns the one that already has the address.
func (s *Server) AddMailbox(addr string) *Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.ToLower(addr)
	if mb := s.byAddress[key]; mb != nil {
		return mb
	}
	mb := newMailbox(s, addr)
	s.byAddress[key] = mb
	s.mailboxes = append(s.mailboxes, mb)
	if s.first == nil {
		s.first = mb
	}
	return mb
}

// Mailbox returns the mailbox with that address or alias, nil if there is none.
func (s *Server) Mailbox(addr string) *Mailbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byAddress[strings.ToLower(addr)]
}

// enter counts a request of the user in; false when that would be more than allowed.
func (s *Server) enter(user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.o.MaxConcurrent > 0 && s.open[user] >= s.o.MaxConcurrent {
		return false
	}
	s.open[user]++
	s.mostOpen[user] = max(s.mostOpen[user], s.open[user])
	return true
}

func (s *Server) leave(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[user]--
}

// MostConcurrent returns the largest number of requests that were being answered at the same time for the mailbox with that address:
// the user of a delegated token, or who was impersonated.
func (s *Server) MostConcurrent(addr string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mostOpen[strings.ToLower(addr)]
}

// next numbers ids, change keys and changes. The caller holds the lock.
func (s *Server) next() uint64 {
	s.counter++
	return s.counter
}

// now has the store's resolution of one second in most dates it shows.
func (s *Server) now() time.Time { return s.o.Now().UTC() }

// Outbound is a message that left a mailbox.
type Outbound struct {
	From  string   // the mailbox that sent it
	To    []string // every recipient, Bcc included
	Local []string // those of them that live on this server: it has been delivered to them
	MIME  []byte   // as recipients see it: without Bcc
	At    time.Time
}

// Outbound returns every message that was sent, in order.
func (s *Server) Outbound() []Outbound {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sendDue()
	return append([]Outbound(nil), s.outbound...)
}
