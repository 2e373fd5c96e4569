package ews_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// created is the answer to a CreateItem, by the id's attributes.
func created(id string) string {
	return envelope(`<m:CreateItemResponse><m:ResponseMessages><m:CreateItemResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>` +
		`<m:Items><t:Message><t:ItemId ` + id + `/></t:Message></m:Items></m:CreateItemResponseMessage></m:ResponseMessages></m:CreateItemResponse>`)
}

// TestAnswersLikeTheLast: what an answer means does not depend on the answers before it, which it is compared with.
func TestAnswersLikeTheLast(t *testing.T) {
	usual := created(`Id="AAMkAD1=" ChangeKey="CQAA1"`)
	failed := strings.NewReplacer("Success", "Error", "NoError", "ErrorQuotaExceeded").Replace(usual)
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, _ = zip.Write([]byte(created(`Id="AAMkAD5=" ChangeKey="CQAA5"`)))
	require.NoError(t, zip.Close())
	fault := envelope(`<s:Fault><faultcode>s:Client</faultcode><faultstring>no</faultstring></s:Fault>`)
	tests := map[string]answer{
		"as before":                    reply(200, usual),
		"another id":                   reply(200, created(`Id="AAMkAD2=" ChangeKey="CQAA2 &gt;"`)),
		"an id that must be decoded":   reply(200, created(`Id="AAMk&amp;2" ChangeKey="CQAA2"`)),
		"an id with illegal in it":     reply(200, created("Id=\"AAMk\x01\" ChangeKey=\"CQAA2\"")),
		"no id":                        reply(200, created(`Id="" ChangeKey=""`)),
		"no change key":                reply(200, created(`Id="AAMkAD3="`)),
		"the change key first":         reply(200, created(`ChangeKey="CQAA4" Id="AAMkAD4="`)),
		"an error":                     reply(200, failed),
		"a fault":                      reply(500, fault),
		"a fault with 200":             reply(200, fault),
		"cut in the middle":            reply(200, usual[:len(usual)/2]),
		"cut in the id":                reply(200, usual[:strings.Index(usual, "AAMk")+5]),
		"cut at the end":               reply(200, usual[:len(usual)-1]),
		"the answer to something else": reply(200, strings.ReplaceAll(usual, "CreateItem", "DeleteItem")),
		"a web page":                   reply(200, "<html><title>Sign in</title></html>"),
		"nothing":                      reply(200, ""),
		"packed":                       reply(200, packed.String(), "Content-Encoding", "gzip"),
		"packed and cut":               reply(200, packed.String()[:packed.Len()-9], "Content-Encoding", "gzip"),
		"more behind it":               reply(200, usual+"\r\n\r\n"),
		"no XML":                       reply(200, strings.Replace(usual, "</m:Items>", "", 1)),
	}
	for name, next := range tests {
		t.Run(name, func(t *testing.T) {
			store := func(answers ...answer) (found string) {
				s := &script{answers: answers}
				c, err := ews.NewClient(ews.Config{Endpoint: "https://example.com/EWS/Exchange.asmx", Token: &tokens{}, HTTPClient: &http.Client{Transport: s},
					Retry: &ews.RetryPolicy{MaxAttempts: 1}})
				require.NoError(t, err)
				for range answers {
					var id ews.ItemID
					id, err = c.Own().CreateDraft(t.Context(), &ews.Draft{Subject: "s", Marker: "m"})
					found = fmt.Sprintf("%+v, %v", id, err)
				}
				return found
			}
			fresh := store(next)
			for _, before := range [][]answer{{reply(200, usual)}, {reply(200, usual), reply(200, usual)}, {reply(200, usual), reply(200, failed)}} {
				require.Equal(t, fresh, store(append(before, next)...))
			}
		})
	}
}
