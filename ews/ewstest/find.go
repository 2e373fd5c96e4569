package ewstest

import (
	"slices"
)

// findItem EWS: FindItem operation.
func (c *call) findItem() *soapFault {
	op := c.env.op
	sh, shapeErr := parseShape(op.kid("m:ItemShape"), true, false)
	return c.respond("FindItem", op.kid("m:ParentFolderIds").all(), func(n *node) (func(), *opError) {
		if shapeErr != nil {
			return nil, shapeErr
		}
		f, err := c.folder(n)
		if err != nil {
			return nil, err
		}
		if op.kid("m:GroupBy") != nil || op.kid("m:DistinguishedGroupBy") != nil {
			return nil, fail("ErrorUnsupportedQueryFilter")
		}
		if n := op.kid("m:CalendarView"); n != nil {
			return c.viewCalendar(f, n, sh)
		}
		rows, err := f.find(op)
		if err != nil {
			return nil, err
		}
		p, err := c.page(op, len(rows), "m:IndexedPageItemView", "m:FractionalPageItemView")
		if err != nil {
			return nil, err
		}
		if op.kid("m:QueryString") != nil && p.to-p.from > 250 {
			p.to, p.next, p.last = p.from+250, p.from+250, false
		}
		return func() {
			c.a.start("m:RootFolder", p.attrs(len(rows))...)
			if p.from == p.to {
				c.a.empty("t:Items")
			} else {
				c.a.start("t:Items")
				for _, it := range rows[p.from:p.to] {
					c.writeView(viewOf(it), sh)
				}
				c.a.end()
			}
			c.a.end()
		}, nil
	})
}

// viewCache keeps the result of the last query of a folder, so that paging through a big one does not sort it for every page.
type viewCache struct {
	modified uint64
	query    string
	rows     []*item
}

// find returns the items a query selects, in its order; by default the newest first.
func (f *folder) find(op *node) ([]*item, *opError) {
	if op.attr("Traversal") == "SoftDeleted" {
		f = f.mb.named["recoverableitemsdeletions"]
	}
	key := op.attr("Traversal") + op.kid("m:Restriction").fingerprint() + op.kid("m:SortOrder").fingerprint() + op.kid("m:QueryString").fingerprint()
	if v := f.view; v != nil && f.search == nil && v.modified == f.modified && v.query == key {
		return v.rows, nil
	}
	rows := make([]*item, 0, f.count)
	restriction, q := op.kid("m:Restriction").first(), parseQuery(op.leaf("m:QueryString"))
	associated := op.attr("Traversal") == "Associated"
	for _, it := range f.shown() {
		if it == nil || it.associated != associated {
			continue
		}
		v := viewOf(it)
		if restriction != nil {
			ok, err := matches(restriction, v)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
		}
		if q.matches(v) {
			rows = append(rows, it)
		}
	}
	if err := sortItems(rows, op.kid("m:SortOrder")); err != nil {
		return nil, err
	}
	f.view = &viewCache{f.modified, key, rows}
	return rows, nil
}

// sortItems orders rows by the fields of a SortOrder; equals keep the order newest first, which is also the default.
func sortItems(rows []*item, order *node) *opError {
	slices.SortStableFunc(rows, func(a, b *item) int {
		if c := b.received.Compare(a.received); c != 0 {
			return c
		}
		switch {
		case a.sortOrder > b.sortOrder:
			return -1
		case a.sortOrder < b.sortOrder:
			return 1
		}
		return 0
	})
	fields := order.all()
	for i := len(fields) - 1; i >= 0; i-- {
		keys := make(map[*item]value, len(rows))
		for _, it := range rows {
			v, err := viewOf(it).property(fields[i].first())
			if err != nil {
				return fail("ErrorUnsupportedPathForSortGroup")
			}
			keys[it] = v
		}
		sign := 1
		if fields[i].attr("Order") == "Descending" {
			sign = -1
		}
		slices.SortStableFunc(rows, func(a, b *item) int { return sign * keys[a].compare(keys[b]) })
	}
	return nil
}

// fingerprint is the node as text: equal queries have equal ones.
func (n *node) fingerprint() string {
	if n == nil {
		return "-"
	}
	out := "<" + n.name
	for _, a := range n.attrs {
		out += "\x00" + a
	}
	out += "\x01" + n.text
	for _, k := range n.kids {
		out += k.fingerprint()
	}
	return out + ">"
}
