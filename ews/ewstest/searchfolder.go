package ewstest

// search is what a search folder shows.
type search struct {
	restriction *node
	in          []*folder
	deep        bool
}

// search reads SearchParameters.
func (c *call) search(n *node) (*search, *opError) {
	if n == nil {
		return nil, fail("ErrorSearchFolderNotInitialized")
	}
	s := &search{restriction: n.kid("t:Restriction").first(), deep: n.attr("Traversal") == "Deep"}
	for _, id := range n.kid("t:BaseFolderIds").all() {
		f, err := c.folder(id)
		if err != nil {
			return nil, err
		}
		s.in = append(s.in, f)
	}
	return s, nil
}

// searchParameters tells what a search folder shows: the condition as it was given, the folders by their ids.
func (c *call) searchParameters(s *search) {
	a := c.a
	traversal := "Shallow"
	if s.deep {
		traversal = "Deep"
	}
	a.start("t:SearchParameters", "Traversal", traversal)
	a.start("t:Restriction")
	a.node(s.restriction)
	a.end()
	a.start("t:BaseFolderIds")
	for _, f := range s.in {
		a.empty("t:FolderId", "Id", f.id, "ChangeKey", f.changeKey())
	}
	a.end()
	a.end()
}

// shown are the items that a listing of the folder goes through, holes included: its own, or those that a search folder finds.
func (f *folder) shown() []*item {
	if f.search == nil {
		return f.items
	}
	var found []*item
	for _, in := range f.search.in {
		items := in.live()
		if f.search.deep {
			items = in.below(items)
		}
		for _, it := range items {
			if ok, err := matches(f.search.restriction, viewOf(it)); ok && err == nil {
				found = append(found, it)
			}
		}
	}
	return found
}

// counts are the numbers of items and of unread ones.
func (f *folder) counts() (total, unread int64) {
	if f.search == nil {
		return int64(f.count), int64(f.unread)
	}
	for _, it := range f.shown() {
		total++
		if !it.read {
			unread++
		}
	}
	return total, unread
}
