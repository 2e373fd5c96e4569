package ews

import (
	"errors"
	"net"
	"net/http"
)

// refusals counts the tokens that Exchange refused in a row. It answers 401 also when it is overloaded, so that one refusal is not
// believed.
type refusals int

// maxRefusals is how many refusals in a row are not believed yet.
const maxRefusals = 2

// passes reports whether something that goes on for ever should try again after err, and counts.
func (r *refusals) passes(err error) bool {
	again := r.would(err)
	if refused(err) {
		*r++
	} else {
		*r = 0
	}
	return again
}

// would is passes without counting.
func (r refusals) would(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	var network net.Error
	switch {
	case e.Temporary(), e.kind == ErrBadResponse:
		return true
	case refused(err):
		return r < maxRefusals
	case e.kind == ErrUnauthorized && !e.NeedsSignIn():
		return errors.As(e.cause, &network) // no way to the token endpoint just now
	}
	return false
}

// refused: Exchange did not take the token, without an explanation that would make it certain.
func refused(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.kind == ErrUnauthorized && e.StatusCode == http.StatusUnauthorized && e.verdict == verdictToken && e.claims == ""
}
