package outbox_test

import (
	"bytes"
	"errors"
	"net"
	"strconv"
	"sync"
)

// cut is where a connection breaks, or falls silent.
type cut int

const (
	cutNowhere cut = iota
	cutRequestHead
	cutRequestBody
	cutAfterRequest
	cutAnswerHead
	cutAnswerBody
	silentServer  // has acted, and says nothing
	silentNetwork // the server never hears of it
	cuts
)

func (c cut) String() string {
	return [...]string{"nowhere", "request head", "request body", "after the request", "answer head", "answer body", "silent server", "silent network"}[c]
}

var errCut = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}

// cutConn is a connection for one request.
type cutConn struct {
	net.Conn
	at   cut
	part float64 // how far into what is cut: 0 to 1

	mu        sync.Mutex
	request   []byte // up to the end of its head, and what has been written so far
	head      int    // length of the request's head; 0: not known yet
	length    int    // of its body
	answer    []byte
	closed    chan struct{}
	closeOnce sync.Once
}

func (c *cutConn) Close() error {
	c.closeOnce.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func (c *cutConn) fail() error {
	c.Close()
	return errCut
}

func (c *cutConn) Write(p []byte) (int, error) {
	if c.at == silentNetwork {
		return len(p), nil
	}
	c.mu.Lock()
	before := len(c.request)
	c.request = append(c.request, p...)
	if i := bytes.Index(c.request, []byte("\r\n\r\n")); c.head == 0 && i >= 0 {
		c.head = i + 4
		_, after, _ := bytes.Cut(c.request[:c.head], []byte("Content-Length: "))
		digits, _, _ := bytes.Cut(after, []byte("\r\n"))
		c.length, _ = strconv.Atoi(string(digits))
	}
	last := -1 // the request ends here
	switch {
	case c.head == 0:
	case c.at == cutRequestHead:
		last = int(c.part * float64(c.head-1))
	case c.at == cutRequestBody:
		last = c.head + int(c.part*float64(c.length-1))
	case c.at == cutAfterRequest:
		last = c.head + c.length
	}
	total := len(c.request)
	c.mu.Unlock()
	if last < 0 || total < last {
		return c.Conn.Write(p)
	}
	n, _ := c.Conn.Write(p[:max(0, last-before)])
	return n, c.fail()
}

func (c *cutConn) Read(p []byte) (int, error) {
	if c.at == silentNetwork {
		<-c.closed
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Read(p)
	switch c.at {
	case silentServer:
		<-c.closed
		return 0, net.ErrClosed
	case cutAnswerHead, cutAnswerBody:
		c.mu.Lock()
		before := len(c.answer)
		c.answer = append(c.answer, p[:n]...)
		head := bytes.Index(c.answer, []byte("\r\n\r\n"))
		c.mu.Unlock()
		if head < 0 {
			head = len(c.answer)
		}
		last := int(c.part * float64(head))
		if c.at == cutAnswerBody {
			last = head + 4 + int(c.part*300) // the least answer has more
		}
		if before+n > last {
			return max(0, last-before), c.fail()
		}
	}
	return n, err
}
