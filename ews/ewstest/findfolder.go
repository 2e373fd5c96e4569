package ewstest

import "strconv"

func (c *call) findFolder() *soapFault {
	op := c.env.op
	sh, shapeErr := parseFolderShape(op.kid("m:FolderShape"))
	return c.respond("FindFolder", op.kid("m:ParentFolderIds").all(), func(n *node) (func(), *opError) {
		if shapeErr != nil {
			return nil, shapeErr
		}
		parent, err := c.folder(n)
		if err != nil {
			return nil, err
		}
		rows, err := c.foldersBelow(parent, op.attr("Traversal"), op.kid("m:Restriction").first())
		if err != nil {
			return nil, err
		}
		p, err := c.page(op, len(rows), "m:IndexedPageFolderView", "m:FractionalPageFolderView")
		if err != nil {
			return nil, err
		}
		return func() {
			c.a.start("m:RootFolder", p.attrs(len(rows))...)
			c.a.start("t:Folders")
			for _, f := range rows[p.from:p.to] {
				c.writeFolder(f, sh)
			}
			c.a.end()
			c.a.end()
		}, nil
	})
}

func (c *call) foldersBelow(parent *folder, traversal string, restriction *node) ([]*folder, *opError) {
	var rows []*folder
	var failed *opError
	visit := func(f *folder) bool {
		if restriction != nil {
			ok, err := matches(restriction, f)
			if err != nil {
				failed = err
				return false
			}
			if !ok {
				return true
			}
		}
		rows = append(rows, f)
		return true
	}
	switch traversal {
	case "Deep":
		parent.descend(visit)
	case "Shallow":
		for _, f := range parent.children {
			if !visit(f) {
				break
			}
		}
	}
	return rows, failed
}

// window is the part of a result that one page shows.
type window struct {
	from, to int
	next     int
	last     bool
	paged    bool
	num, den int // of a fractional view
}

func (p window) attrs(total int) []string {
	var out []string
	if p.paged && p.den > 0 {
		out = append(out, "NumeratorOffset", strconv.Itoa(p.next), "AbsoluteDenominator", strconv.Itoa(max(total, 1)))
	} else if p.paged {
		out = append(out, "IndexedPagingOffset", strconv.Itoa(p.next))
	}
	return append(out, "TotalItemsInView", strconv.Itoa(total), "IncludesLastItemInRange", strconv.FormatBool(p.last))
}

// page cuts the window that an indexed or fractional view asks for, within the server's own limits.
func (c *call) page(op *node, total int, indexed, fractional string) (window, *opError) {
	limit := c.s.o.PageLimit
	offset, most, backwards, p := 0, limit, false, window{}
	if v := op.kid(indexed); v != nil {
		p.paged = true
		offset = v.int("Offset")
		backwards = v.attr("BasePoint") == "End"
		if v.attr("MaxEntriesReturned") != "" {
			most = min(v.int("MaxEntriesReturned"), limit)
		}
	} else if v := op.kid(fractional); v != nil {
		num, den := v.int("Numerator"), v.int("Denominator")
		if den <= 0 || num < 0 || num > den {
			return p, fail("ErrorInvalidFractionalPagingParameters")
		}
		p.paged, p.num, p.den = true, num, den
		offset = total * num / den
		if v.attr("MaxEntriesReturned") != "" {
			most = min(v.int("MaxEntriesReturned"), limit)
		}
	}
	if offset < 0 {
		return p, fail("ErrorInvalidIndexedPagingParameters")
	}
	if short := c.s.o.ShortPages; short > 0 {
		most = min(most, short)
	}
	offset = min(offset, total)
	if backwards {
		p.to = total - offset
		p.from = max(p.to-most, 0)
		p.last = p.from == 0
		p.next = total - p.from
		return p, nil
	}
	p.from, p.to = offset, min(offset+most, total)
	p.next, p.last = p.to, p.to == total
	return p, nil
}

func itoa(n int) string { return strconv.Itoa(n) }
