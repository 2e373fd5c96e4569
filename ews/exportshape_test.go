package ews

import (
	"strings"

	"github.com/ewsmail/ewsmail/ews/internal/wire"
)

// ReadMessages reads the items of an envelope, with or without remembering how they are written.
func ReadMessages(xml string, remember bool) (list []*Message, err error) {
	r := new(messageReader)
	err = eachItem(xml, func(s *wire.Scanner) {
		if !remember {
			r = new(messageReader)
		}
		m := new(Message)
		r.read(s, m)
		list = append(list, m)
	})
	return list, err
}

// Replays tells how many items of an envelope are read as those before them were written.
func Replays(xml string) (n int, err error) {
	r := new(messageReader)
	err = eachItem(xml, func(s *wire.Scanner) {
		if m := new(Message); r.replay(s, m) {
			n++
		} else {
			r.read(s, m)
		}
	})
	return n, err
}

func eachItem(xml string, read func(*wire.Scanner)) error {
	s := wire.NewScanner(strings.NewReader(xml), nil)
	defer s.Release()
	s.SkipForeign()
	for s.Root(); s.Child(1); {
		for s.Child(2) {
			for s.Child(3) {
				if s.Local() != "ServerVersionInfo" {
					read(s)
				}
			}
		}
	}
	return s.Err()
}
