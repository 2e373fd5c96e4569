package ewstest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// complaints is a TB that keeps what it is told.
type complaints []string

func (*complaints) Helper() {}

func (c *complaints) Errorf(format string, args ...any) {
	*c = append(*c, fmt.Sprintf(format, args...))
}

// TestAssertions: each passes where it should, and complains where it should.
func TestAssertions(t *testing.T) {
	clock := ewstest.NewClock(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC))
	f := start(t, &ewstest.Options{Now: clock.Now})
	f.deliver(t, "Subject: one\n\nx")
	clock.Advance(time.Hour)
	clock.Advance(-time.Hour)
	f.deliver(t, "Subject: two\n\nx")
	f.deliver(t, "Subject: two\n\nx")
	send := `<m:CreateItem MessageDisposition="SendAndSaveCopy"><m:Items><t:Message><t:Subject>out</t:Subject><t:ToRecipients><t:Mailbox><t:EmailAddress>far@example.org</t:EmailAddress></t:Mailbox></t:ToRecipients></t:Message></m:Items></m:CreateItem>`
	f.do(t, send)

	one := f.mb.AssertItem(t, "inbox", "one")
	require.Equal(t, 8, one.Received.Hour())
	f.mb.AssertEmpty(t, "drafts")
	f.AssertCount(t, "CreateItem", 1)
	f.AssertCount(t, "", 1)
	require.Equal(t, []string{"far@example.org"}, f.AssertSent(t, "out").To)
	require.Equal(t, 9, f.AssertSent(t, "out").At.Hour())

	f.do(t, send)
	for name, assert := range map[string]func(c *complaints){
		"2 items":             func(c *complaints) { f.mb.AssertItem(c, "inbox", "two") },
		"0 items":             func(c *complaints) { f.mb.AssertItem(c, "inbox", "three") },
		`holds ["one" "two"`:  func(c *complaints) { f.mb.AssertEmpty(c, "inbox") },
		"2 times, want 1":     func(c *complaints) { f.AssertCount(c, "CreateItem", 1) },
		"2 messages \"out\"":  func(c *complaints) { f.AssertSent(c, "out") },
		"0 messages \"none\"": func(c *complaints) { f.AssertSent(c, "none") },
	} {
		var c complaints
		assert(&c)
		if len(c) != 1 || !strings.Contains(c[0], name) {
			t.Errorf("%q: %q", name, c)
		}
	}
}
