package outbox

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ewsmail/ewsmail/ews"
)

// Kind says what a message is.
type Kind string

// The kinds of messages.
const (
	NewMail  Kind = "new"
	Reply    Kind = "reply"     // to the sender of About
	ReplyAll Kind = "reply-all" // and to everybody else who got it
	Forward  Kind = "forward"
)

// Message is what is to be sent. Its fields mean what those of ews.Draft (Kind NewMail) and ews.Answer (the others) mean.
type Message struct {
	// ID identifies the message: in the table, and as a property of the mail, by which its copy is found (ews.Draft.Marker). A
	// message with an ID that is in the table is not added again. Up to 200 characters. "": a random one.
	ID string `json:"-"`

	// Mailbox is the mailbox to send from: see Options.Mailbox, which is the default.
	Mailbox string `json:"-"`

	// Tag is the application's own, such as the ticket's number. It comes back in the Row.
	Tag string `json:"-"`

	Kind Kind

	// About is the message that is answered or forwarded, and AboutKey its SearchKey: moving the message gives it a new id, but keeps
	// the key. See Options.Folders.
	About    ews.ItemID
	AboutKey string `json:",omitempty"`

	// Subject of an answer replaces the one that Exchange makes. Give one: without, a draft can stay behind when a worker dies.
	Subject     string `json:",omitempty"`
	Body        ews.Body
	To          []ews.Address  `json:",omitempty"` // of an answer: instead of those that Exchange fills in
	Cc          []ews.Address  `json:",omitempty"`
	Bcc         []ews.Address  `json:",omitempty"`
	ReplyTo     []ews.Address  `json:",omitempty"`
	From        ews.Address    `json:",omitzero"`
	Sender      ews.Address    `json:",omitzero"` // NewMail only
	Importance  ews.Importance `json:",omitempty"`
	Sensitivity string         `json:",omitempty"`
	InReplyTo   string         `json:",omitempty"` // NewMail only
	References  string         `json:",omitempty"` // NewMail only
	Attachments []Attachment   `json:",omitempty"`

	// Headers are header fields of one's own. An answer that no person wrote needs Auto-Submitted: auto-replied (RFC 3834), or two
	// programs may answer each other for ever.
	Headers []ews.Header `json:",omitempty"`

	ReadReceipt, DeliveryReceipt bool `json:",omitempty"`

	// SendAt has Exchange hold the message back. Sent then means that Exchange has it.
	SendAt time.Time `json:",omitzero"`

	// MIME is a whole RFC 5322 message, for NewMail, in the place of everything above from Subject on, but SendAt. It counts toward MaxInline.
	MIME []byte `json:",omitempty"`
}

// Attachment is a file of a Message: its bytes, which go into the row, or what Options.Open finds them by.
type Attachment struct {
	Name        string // required
	ContentType string `json:",omitempty"`
	ContentID   string `json:",omitempty"`
	Inline      bool   `json:",omitempty"`
	Data        []byte `json:",omitempty"`
	Ref         string `json:",omitempty"`
}

// MaxInline is the most bytes that the Data of a message's attachments may have together. Databases limit the size of a
// statement (MySQL: max_allowed_packet), and rows are read and written whole: keep what is larger elsewhere, with a Ref.
const MaxInline = 8 << 20

const maxID = 200

// check names every wrong field.
func (m *Message) check(open bool) error {
	var wrong []string
	add := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if len(m.ID) > maxID || strings.ContainsFunc(m.ID, func(r rune) bool { return r < ' ' || r > '~' }) {
		add("ID: more than %d characters, or others than printable ASCII", maxID)
	}
	m.checkText(add)
	named := len(m.To) + len(m.Cc) + len(m.Bcc)
	switch m.Kind {
	case NewMail:
		if !m.About.IsZero() {
			add("About: has no meaning for Kind NewMail: set InReplyTo and References")
		}
	case Reply, ReplyAll, Forward:
		if m.About.IsZero() && m.AboutKey == "" {
			add("About: empty")
		}
		if m.InReplyTo != "" || m.References != "" || !m.Sender.IsZero() {
			add("InReplyTo, References, Sender: an answer cannot have them")
		}
	default:
		add("Kind: %.20q is none of NewMail, Reply, ReplyAll, Forward", m.Kind)
	}
	if m.MIME != nil && (m.Kind != NewMail || named+len(m.Attachments)+len(m.Headers)+len(m.ReplyTo) > 0 || m.Subject != "" || m.Body.Text != "") {
		add("MIME: is a whole NewMail: its addresses, texts and attachments are in it")
	}
	if named == 0 && m.MIME == nil && (m.Kind == NewMail || m.Kind == Forward) {
		add("To, Cc, Bcc: nobody to send it to")
	}
	inline := len(m.MIME)
	for i, a := range m.Attachments {
		if a.Name == "" {
			add("Attachments[%d].Name: empty", i)
		}
		switch {
		case a.Ref != "" && a.Data != nil:
			add("Attachments[%d]: has both Data and Ref", i)
		case a.Ref != "" && !open:
			add("Attachments[%d].Ref: there is no Options.Open to find it with", i)
		}
		inline += len(a.Data)
	}
	if inline > MaxInline {
		add("Attachments, MIME: %d bytes of Data; more than %d go elsewhere: see Ref", inline, MaxInline)
	}
	if len(wrong) > 0 {
		return errors.New("outbox: Message: " + strings.Join(wrong, "; "))
	}
	return nil
}

// checkText names the texts that are no UTF-8: JSON would put other characters in their place.
func (m *Message) checkText(add func(format string, args ...any)) {
	text := func(field, s string) {
		if !utf8.ValidString(s) {
			add("%s: no valid UTF-8", field)
		}
	}
	text("Subject", m.Subject)
	text("Body", m.Body.Text)
	text("Tag", m.Tag)
	text("InReplyTo", m.InReplyTo)
	text("References", m.References)
	for _, h := range m.Headers {
		text("Headers", h.Name+h.Value)
	}
	for _, l := range []struct {
		field string
		list  []ews.Address
	}{{"To", m.To}, {"Cc", m.Cc}, {"Bcc", m.Bcc}, {"ReplyTo", m.ReplyTo}, {"From", []ews.Address{m.From}}, {"Sender", []ews.Address{m.Sender}}} {
		for i, a := range l.list {
			text(fmt.Sprintf("%s[%d]", l.field, i), a.Name+a.Email)
		}
	}
	for i, a := range m.Attachments {
		text(fmt.Sprintf("Attachments[%d]", i), a.Name+a.ContentType+a.ContentID+a.Ref)
	}
}

// payload is a Message in its row. Version is raised when older programs must not send it any more.
type payload struct {
	Version int
	Message
}

const payloadVersion = 1

func encode(m *Message) ([]byte, error) { return json.Marshal(payload{payloadVersion, *m}) }

// errNewer lets an older instance leave the row to a newer one.
var errNewer = errors.New("the row was written by a newer version of this program")

func decode(data []byte) (*Message, error) {
	var p payload
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, refused{fmt.Errorf("the row's payload cannot be read: %w", err)}
	}
	if p.Version > payloadVersion {
		return nil, errNewer
	}
	return &p.Message, nil
}

// uploads opens the attachments.
func (b *Outbox) uploads(ctx context.Context, list []Attachment) ([]ews.Upload, error) {
	var out []ews.Upload
	for _, a := range list {
		u := ews.Upload{Name: a.Name, ContentType: a.ContentType, ContentID: a.ContentID, Inline: a.Inline, Content: ews.Bytes(a.Data)}
		if a.Ref != "" {
			if b.o.Open == nil {
				return nil, errors.New("an attachment is kept elsewhere, and there is no Options.Open to find it with")
			}
			var err error
			if err = guarded("Open", func() (err error) { u.Content, err = b.o.Open(ctx, a.Ref); return err }); err != nil {
				err = fmt.Errorf("attachment %q: %w", a.Ref, err)
				if errors.Is(err, fs.ErrNotExist) {
					return nil, refused{err}
				}
				return nil, err
			}
		}
		out = append(out, u)
	}
	return out, nil
}

// guarded makes an error of the panic of a function of the application's: one message must not end the program each time it is its turn.
func guarded(name string, call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("outbox: Options.%s panicked: %.200v", name, p)
		}
	}()
	return call()
}

// refused is an error that no further try can cure.
type refused struct{ error }

func (r refused) Unwrap() error { return r.error }

func newID() string { return strings.ToLower(rand.Text()) }
