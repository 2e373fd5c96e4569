package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// report is what a run did: the summary table, or with -json the whole of it. Sizes are in bytes.
type report struct {
	OK              bool     `json:"ok"`
	Messages        int      `json:"messages"` // fetched completely
	Bytes           int64    `json:"bytes"`    // of their MIME
	Attachments     int      `json:"attachments"`
	AttachmentBytes int64    `json:"attachment_bytes"`
	Seconds         float64  `json:"seconds"`
	SignIns         int      `json:"sign_ins"`
	Refreshes       int      `json:"refreshes"`
	Replied         int      `json:"replied"`
	MarkedRead      int      `json:"marked_read"`
	Moved           int      `json:"moved"`
	Failed          int      `json:"failed"` // messages that could not be fetched completely; they stay in the inbox
	Mailbox         string   `json:"mailbox"`
	Out             string   `json:"out"`
	Errors          []string `json:"errors"`
	Items           []item   `json:"items"`
}

// item is one fetched message.
type item struct {
	File        string           `json:"file"` // below Out, with slashes
	Subject     string           `json:"subject"`
	Bytes       int64            `json:"bytes"`
	SHA256      string           `json:"sha256"`
	Attachments []attachmentItem `json:"attachments"`
}

// attachmentItem is one attachment of a message. File is empty for a link to a file elsewhere, which has no content.
type attachmentItem struct {
	File        string `json:"file"`
	Name        string `json:"name"` // as its sender gave it
	Kind        string `json:"kind"` // "file", "item" (a message) or "reference" (a link)
	ContentType string `json:"content_type"`
	Inline      bool   `json:"inline"`
	Bytes       int64  `json:"bytes"`
	SHA256      string `json:"sha256"`
}

func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

func (r *report) writeTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	mailbox := oneLine(r.Mailbox)
	if mailbox == "" {
		mailbox = "(of whoever signed in)"
	}
	fmt.Fprintf(t, "mailbox\t%s\n", mailbox)
	fmt.Fprintf(t, "messages\t%d\t%s\n", r.Messages, size(r.Bytes))
	fmt.Fprintf(t, "attachments\t%d\t%s\n", r.Attachments, size(r.AttachmentBytes))
	fmt.Fprintf(t, "answered\t%d\n", r.Replied)
	fmt.Fprintf(t, "marked read\t%d\n", r.MarkedRead)
	fmt.Fprintf(t, "moved\t%d\tto %s\n", r.Moved, processedFolder)
	if r.Failed > 0 {
		fmt.Fprintf(t, "failed\t%d\tleft in the inbox\n", r.Failed)
	}
	fmt.Fprintf(t, "sign-ins\t%d\n", r.SignIns)
	fmt.Fprintf(t, "refreshes\t%d\n", r.Refreshes)
	fmt.Fprintf(t, "seconds\t%.2f\n", r.Seconds)
	fmt.Fprintf(t, "files\t%s\n", r.Out)
	return t.Flush()
}

// size prints bytes for people, in powers of ten.
func size(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	v, u := float64(n), 0
	for v >= 999.5 && u < len(units)-1 {
		v /= 1000
		u++
	}
	if u == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.3g %s", v, units[u])
}
