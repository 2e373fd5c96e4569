package outbox

import "sync/atomic"

// Stats counts what the Run of this process did.
type Stats struct {
	Sent, Failed, Unknown int64
	Retried               int64 // tries after which the message was left for another
	TakenOver             int64 // rows that another worker had taken over when this one wanted to write its result
}

type counters struct{ sent, failed, unknown, retried, fenced atomic.Int64 }

func (c *counters) count(s State) {
	switch s {
	case Sent:
		c.sent.Add(1)
	case Failed:
		c.failed.Add(1)
	case Unknown:
		c.unknown.Add(1)
	}
}

// Stats returns the counters since New.
func (b *Outbox) Stats() Stats {
	c := &b.stats
	return Stats{Sent: c.sent.Load(), Failed: c.failed.Load(), Unknown: c.unknown.Load(), Retried: c.retried.Load(), TakenOver: c.fenced.Load()}
}
