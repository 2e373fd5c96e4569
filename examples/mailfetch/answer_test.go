package main

import (
	"slices"
	"testing"

	"github.com/ewsmail/ewsmail/ews"
)

func message(from string, change func(*ews.Message)) *ews.Message {
	m := &ews.Message{Class: "IPM.Note", From: ews.Address{Email: from, RoutingType: "SMTP"}}
	if change != nil {
		change(m)
	}
	return m
}

func header(name, value string) func(*ews.Message) {
	return func(m *ews.Message) { m.Headers = append(m.Headers, ews.Header{Name: name, Value: value}) }
}

// What RFC 3834 forbids to answer, and a few things more.
func TestMayBeAnswered(t *testing.T) {
	const own = "support@harbour-it.example"
	for name, tt := range map[string]struct {
		msg  *ews.Message
		want bool
	}{
		"a person":             {message("a@b.example", nil), true},
		"auto-submitted no":    {message("a@b.example", header("Auto-Submitted", "no")), true},
		"signed":               {message("a@b.example", func(m *ews.Message) { m.Class = "IPM.Note.SMIME.MultipartSigned" }), true},
		"auto-reply":           {message("a@b.example", header("auto-submitted", "auto-replied; x=y")), false},
		"null return path":     {message("a@b.example", header("Return-Path", " <> ")), false},
		"bulk":                 {message("a@b.example", header("Precedence", "Bulk")), false},
		"mailing list":         {message("a@b.example", header("List-Id", "<x.example>")), false},
		"suppressed":           {message("a@b.example", header("X-Auto-Response-Suppress", "All")), false},
		"bounce":               {message("a@b.example", func(m *ews.Message) { m.Class = "REPORT.IPM.Note.NDR" }), false},
		"invitation":           {message("a@b.example", func(m *ews.Message) { m.Class = "IPM.Schedule.Meeting.Request" }), false},
		"a draft":              {message("a@b.example", func(m *ews.Message) { m.Draft = true }), false},
		"ourselves":            {message("Support@Harbour-IT.example", nil), false},
		"a machine":            {message("No-Reply@b.example", nil), false},
		"nobody":               {message("", nil), false},
		"not an address":       {message("broken <x", nil), false},
		"answers to a machine": {message("a@b.example", func(m *ews.Message) { m.ReplyTo = []ews.Address{{Email: "noreply@b.example"}} }), false},
		"answers to a person":  {message("noreply@b.example", func(m *ews.Message) { m.ReplyTo = []ews.Address{{Email: "a@b.example"}} }), true},
	} {
		if got := personal(tt.msg, own) && tt.msg.Automatic(own).MayReply(); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func TestRankPutsTheNewestOfAThreadFirst(t *testing.T) {
	thread := func(m *ews.Message) { m.InReplyTo = "<1@b.example>" }
	old, threaded, newest := message("a@b.example", thread), message("b@b.example", thread), message("c@b.example", nil)
	bounce := message("mailer-daemon@b.example", thread)
	got := rank([]*ews.Message{old, threaded, newest, bounce}, "")
	if want := []*ews.Message{threaded, old, newest}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
