package ews_test

import (
	"io"
	"net/http"
	"strings"

	"github.com/ewsmail/ewsmail/ews"
)

// matrixFault is a way to fail, and what it comes to.
type matrixFault struct {
	name     string
	answer   func(op string) answer
	kind     error
	requests int  // when the operation may be repeated, of at most 3
	refused  bool // Exchange cannot have acted: repeated even when it must not happen twice
	open     bool // when it must not happen twice: MaybeApplied
}

// matrixOK is a success that tells nothing.
func matrixOK(op string) string {
	return envelope("<m:" + op + "Response><m:ResponseMessages><m:" + op + `ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>` +
		"</m:" + op + "ResponseMessage></m:ResponseMessages></m:" + op + "Response>")
}

// matrixFailed is an answer in which one response message fails.
func matrixFailed(op, code, xml string) string {
	return envelope("<m:" + op + "Response><m:ResponseMessages><m:" + op + `ResponseMessage ResponseClass="Error"><m:MessageText>text</m:MessageText><m:ResponseCode>` + code +
		"</m:ResponseCode>" + xml + "</m:" + op + "ResponseMessage></m:ResponseMessages></m:" + op + "Response>")
}

// matrixFaults are all of them.
var matrixFaults = []matrixFault{
	{"busy fault", func(string) answer { return reply(500, fault("ErrorServerBusy", value("BackOffMilliseconds", "100"))) }, ews.ErrThrottled, 3, true, false},
	{"busy inside", func(op string) answer {
		return reply(200, matrixFailed(op, "ErrorServerBusy", value("BackOffMilliseconds", "100")))
	}, ews.ErrThrottled, 3, true, false},
	{"internal error", func(op string) answer { return reply(200, matrixFailed(op, "ErrorInternalServerError", "")) }, ews.ErrUnavailable, 0, false, true},
	{"500", func(string) answer { return reply(500, "<html/>") }, ews.ErrUnavailable, 3, false, true},
	{"503", func(string) answer { return reply(503, "") }, ews.ErrUnavailable, 3, false, true},
	{"cut", func(op string) answer { s := matrixOK(op); return reply(200, s[:len(s)-30]) }, ews.ErrUnavailable, 3, false, true},
	{"empty", func(string) answer { return reply(200, "") }, ews.ErrUnavailable, 3, false, true},
	{"slow", func(string) answer {
		return func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }
	}, ews.ErrUnavailable, 3, false, true},
	{"401", func(string) answer { return reply(401, "") }, ews.ErrUnauthorized, 2, true, false},
	{"403", func(string) answer { return reply(403, "") }, ews.ErrEWSBlocked, 1, true, false},
	{"wrong type", func(string) answer { return reply(200, envelope("<m:GetServerTimeZonesResponse/>")) }, ews.ErrBadResponse, 1, false, true},
	{"no XML", func(string) answer { return reply(200, "pong") }, ews.ErrEndpoint, 1, false, true},
	{"web page", func(string) answer { return reply(200, "<!DOCTYPE html><title>Sign in</title>") }, ews.ErrEndpoint, 1, false, true},
	{"huge", func(op string) answer {
		return func(r *http.Request) (*http.Response, error) {
			resp, _ := reply(200, "")(r)
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(envelope("")[:300]), spaces{}))
			return resp, nil
		}
	}, ews.ErrTooLarge, 1, false, true},
	{"access denied", func(op string) answer { return reply(200, matrixFailed(op, "ErrorAccessDenied", "")) }, ews.ErrDenied, 1, true, false},
	{"not found", func(op string) answer { return reply(200, matrixFailed(op, "ErrorItemNotFound", "")) }, ews.ErrNotFound, 1, true, false},
	{"illegal XML", func(op string) answer { // it costs a character, not the answer
		return reply(200, "\ufeff \n"+strings.Replace(matrixFailed(op, "ErrorItemNotFound", ""), ">text<", "> \x01te&#x1F;xt&#0; & &#xFFFF;&#xD800; <", 1))
	}, ews.ErrNotFound, 1, true, false},
	{"schema", func(string) answer { return reply(500, fault("ErrorSchemaValidation", "")) }, ews.ErrInvalidRequest, 1, true, false},
}
