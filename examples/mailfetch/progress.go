package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress tells a person how far the work is: a bar on a terminal, a line per message otherwise (a log, a pipe).
type progress struct {
	w     io.Writer
	bar   *progressbar.ProgressBar // nil: lines
	total int
	done  int
	size  int64 // bytes of the messages done, as the server announced them
	left  int64 // announced bytes of the message under way that have not been shown yet
}

func newProgress(w io.Writer, lines bool, messages int, bytes int64) *progress {
	p := &progress{w: w, total: messages}
	if f, ok := w.(*os.File); ok && !lines && term.IsTerminal(int(f.Fd())) && messages > 0 {
		p.bar = progressbar.NewOptions64(max(bytes, 1),
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetDescription(fmt.Sprintf("0/%d", messages)),
			progressbar.OptionShowBytes(true),
			progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(),
		)
	}
	return p
}

// start names the size the server announced for the next message.
func (p *progress) start(size int64) { p.left = size }

// Write counts bytes as they come, so that the bar moves within a large message.
func (p *progress) Write(b []byte) (int, error) {
	// The announced size is an estimate: never show more than it, or the bar would run ahead.
	if n := min(int64(len(b)), p.left); p.bar != nil && n > 0 {
		p.left -= n
		_ = p.bar.Add64(n)
	}
	return len(b), nil
}

// message ends one message.
func (p *progress) message(size int64, line string) {
	p.done++
	p.size += size
	if p.bar == nil {
		fmt.Fprintf(p.w, "%d/%d %s\n", p.done, p.total, line)
		return
	}
	p.bar.Describe(fmt.Sprintf("%d/%d", p.done, p.total))
	_ = p.bar.Set64(p.size)
}

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// clear makes room for a line of somebody else.
func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
