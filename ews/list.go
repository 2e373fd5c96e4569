package ews

import "github.com/ewsmail/ewsmail/ews/internal/wire"

// grow appends to a list that an answer fills. One beyond all reason fails the answer (ErrTooLarge): an empty element takes a hundred
// times its size in memory.
func grow[T any](s *wire.Scanner, list *[]T, v T) {
	if len(*list) == maxEntries {
		s.Fail(&wire.LimitError{What: "entries of a list", Limit: maxEntries})
		return
	}
	*list = append(*list, v)
}

// readStrings reads the texts of all children. EWS: ArrayOfStringsType.
func readStrings(s *wire.Scanner) (list []string) {
	for d := s.Depth(); s.Child(d); {
		grow(s, &list, s.Text())
	}
	return list
}

func writeStrings(w *wire.Writer, element string, list []string) {
	w.Start(element)
	for _, text := range list {
		w.Leaf("t:String", text)
	}
	w.End()
}

// readAddressList reads the Address children of an element. EWS: ArrayOfEmailAddressesType.
func readAddressList(s *wire.Scanner) (list []Address) {
	for d := s.Depth(); s.Child(d); {
		grow(s, &list, readRecipient(s).Address)
	}
	return list
}
