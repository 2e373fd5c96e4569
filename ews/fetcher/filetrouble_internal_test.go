package fetcher

// Forget makes a store forget what it kept of sources whose files were taken away.
func Forget(s *FileStore) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.kept)
}

// Unlocked makes a store that takes no locks.
func Unlocked(s *FileStore) { s.dir = openDirectory{s.dir} }

type openDirectory struct{ directory }

func (openDirectory) Lock(string) (heldFile, bool, error) {
	return heldFile{func() error { return nil }, func() bool { return true }}, true, nil
}
