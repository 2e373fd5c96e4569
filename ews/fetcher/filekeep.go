package fetcher

// A directory can be taken away under a program: removed by something that tidies up, or unmounted, when an empty one appears in its place. What
// is known about a source is in memory then, and nowhere else in reach: it must not be forgotten, or the whole folder would be handed out again.

// keep remembers a source whose files are not where they were.
func (s *FileStore) keep(source string, t *table) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[source] = t
}

// outlives reports whether a table that was kept says all that the one on disk says: nobody else has taken the source over since.
func (t *table) outlives(disk *table) bool {
	ours, theirs := t.Holder, disk.Holder
	return ours.Epoch > theirs.Epoch || ours.Epoch == theirs.Epoch && ours.Owner == theirs.Owner
}
