package ews

import (
	"fmt"
	"net/url"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// Upload is an attachment to be added to a message.
type Upload struct {
	Name        string // file name the recipient sees; required, but for an ItemAttachment, which takes its subject's
	ContentType string // MIME type; "": the server decides
	ContentID   string // for <img src="cid:..."> in an HTML body, without angle brackets
	Inline      bool   // shown within the body

	// Kind is what is attached: a FileAttachment, whose bytes are Content; an ItemAttachment, whose RFC 5322 form (an .eml file) is
	// Content; or a ReferenceAttachment, which is a link to URL. The last needs Exchange 2016 or Exchange Online.
	Kind    AttachmentKind
	Content Content
	URL     string

	// Provider is the kind of service that URL belongs to, as Outlook names it: "OneDrivePro" for OneDrive and SharePoint of an
	// organisation. "": none.
	Provider string
}

func badUploads(field string, list []Upload) (wrong []string) {
	for i := range list {
		for _, bad := range list[i].bad() {
			wrong = append(wrong, fmt.Sprintf("%s[%d].%s", field, i, bad))
		}
	}
	return wrong
}

func (u *Upload) bad() (wrong []string) {
	if u.Name == "" && u.Kind != ItemAttachment {
		wrong = append(wrong, "Name: empty")
	}
	wrong = append(wrong, badTexts("Name", u.Name, "ContentType", u.ContentType, "ContentID", u.ContentID, "Provider", u.Provider)...)
	switch u.Kind {
	case FileAttachment, ItemAttachment:
		if !u.Content.valid() {
			wrong = append(wrong, "Content: needs Open and a Size: make it with Bytes, ReaderAt or File")
		}
		if u.URL != "" || u.Provider != "" {
			wrong = append(wrong, "URL, Provider: only a ReferenceAttachment has them")
		}
	case ReferenceAttachment:
		if to, err := url.Parse(u.URL); err != nil || to.Scheme == "" || to.Host == "" || !xmlText(u.URL) {
			wrong = append(wrong, fmt.Sprintf("URL: %.80q is not the absolute URL of the file", u.URL))
		}
		if u.Content.Open != nil {
			wrong = append(wrong, "Content: a ReferenceAttachment has none")
		}
	default:
		wrong = append(wrong, fmt.Sprintf("Kind: there is no kind %d", u.Kind))
	}
	return wrong
}

// writeTo writes the attachment's element.
func (u *Upload) writeTo(w *wire.Writer) {
	switch u.Kind {
	case ItemAttachment:
		w.Start("t:ItemAttachment")
		u.writeFields(w)
		w.Start("t:Message")
		w.Start("t:MimeContent", "CharacterSet", "UTF-8")
		w.Base64(u.Content.Size, u.Content.Open)
		w.End()
		w.End()
	case ReferenceAttachment:
		w.Start("t:ReferenceAttachment")
		u.writeFields(w)
		w.Leaf("t:AttachLongPathName", u.URL)
		if u.Provider != "" {
			w.Leaf("t:ProviderType", u.Provider)
		}
	default:
		w.Start("t:FileAttachment")
		u.writeFields(w)
		w.Start("t:Content")
		w.Base64(u.Content.Size, u.Content.Open)
		w.End()
	}
	w.End()
}

func (u *Upload) writeFields(w *wire.Writer) {
	if u.Name != "" {
		w.Leaf("t:Name", u.Name)
	}
	if u.ContentType != "" {
		w.Leaf("t:ContentType", u.ContentType)
	}
	if u.ContentID != "" {
		w.Leaf("t:ContentId", u.ContentID)
	}
	if u.Inline {
		w.Leaf("t:IsInline", "true")
	}
}
