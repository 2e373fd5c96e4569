package ewstest

import (
	"bytes"
	"encoding/json"
	"time"
)

// exported is what ExportItems keeps of an item beside its MIME content. To clients the whole is opaque, as on a real server.
type exported struct {
	Class, Importance   string
	Categories          []string
	Received            time.Time
	Read, Draft, FromMe bool
	Props               map[string]exportedProp
}

type exportedProp struct {
	Type   string
	Values []string
}

const exportMagic = "EWSTEST1\n"

// exportItems EWS: ExportItems operation.
func (c *call) exportItems() *soapFault {
	return c.respond("ExportItems", c.env.op.kid("m:ItemIds").all(), func(n *node) (func(), *opError) {
		it, err := c.item(n)
		if err != nil {
			return nil, err
		}
		data := it.export()
		return func() {
			c.a.empty("m:ItemId", "Id", it.id, "ChangeKey", it.changeKey())
			c.a.content("m:Data", data)
		}, nil
	})
}

func (it *item) export() []byte {
	e := exported{it.class, it.importance, it.categories, it.received, it.read, it.draft, it.fromMe, map[string]exportedProp{}}
	for k, p := range it.props {
		e.Props[k] = exportedProp{p.typ, p.values}
	}
	meta, _ := json.Marshal(e) // strings, times and booleans: cannot fail
	mime := it.c.mime()
	out := make([]byte, 0, len(exportMagic)+len(meta)+1+len(mime))
	out = append(out, exportMagic...)
	out = append(out, meta...)
	out = append(out, '\n')
	return append(out, mime...)
}

// uploadItems EWS: UploadItems operation.
func (c *call) uploadItems() *soapFault {
	return c.respond("UploadItems", c.env.op.kid("m:Items").all(), func(n *node) (func(), *opError) {
		parent := n.kid("t:ParentFolderId")
		f, err := c.folder(&node{name: "t:FolderId", attrs: parent.attrs})
		if err != nil {
			return nil, err
		}
		var old *item
		if n.attr("CreateAction") != "CreateNew" {
			id := n.kid("t:ItemId")
			if id != nil {
				old, err = c.item(id)
			} else {
				err = fail("ErrorItemNotFound")
			}
			if err != nil && n.attr("CreateAction") == "Update" {
				return nil, err
			}
		}
		it, err := f.mb.imported(n.kid("t:Data").data)
		if err != nil {
			return nil, err
		}
		if old != nil {
			old.c, old.class, old.importance, old.categories, old.props = it.c, it.class, it.importance, it.categories, it.props
			old.touch()
			it = old
		} else {
			it.created, it.modified = c.s.now(), c.s.now()
			it.index = f.mb.threads.assign(it.c, it.received)
			f.mb.file(it, f)
			c.s.emit(event{kind: eventCreated, mailbox: f.mb, folder: f, item: it})
		}
		return func() { c.a.empty("m:ItemId", "Id", it.id, "ChangeKey", it.changeKey()) }, nil
	})
}

func (mb *Mailbox) imported(data []byte) (*item, *opError) {
	rest, ok := bytes.CutPrefix(data, []byte(exportMagic))
	meta, mime, found := bytes.Cut(rest, []byte("\n"))
	var e exported
	if !ok || !found || json.Unmarshal(meta, &e) != nil {
		return nil, fail("ErrorCorruptData")
	}
	it := mb.newItem(newContent(mime))
	it.class, it.importance, it.categories, it.received = e.Class, e.Importance, e.Categories, e.Received
	it.read, it.draft, it.fromMe = e.Read, e.Draft, e.FromMe
	it.props = extendedProps{}
	for k, p := range e.Props {
		it.props[k] = extProp{p.Type, p.Values}
	}
	return it, nil
}
