package ews_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ewsmail/ewsmail/ews"
)

// cannedEvents is how many events a stream brings, one an envelope as Exchange sends them.
const cannedEvents = 10_000

func cannedStream() []byte {
	var b bytes.Buffer
	for i := range cannedEvents {
		b.WriteString(strings.ReplaceAll(string(response("GetStreamingEvents", success("GetStreamingEvents", newMail("S1", fmt.Sprintf("AAMkAGZhNTc0MDI0LWEwZmUtNDQ4Ny04MzZmLTkwODY0M2QwMDg5YQBGAAAAAAD%08d", i))))), "\n", ""))
		b.WriteString("\r\n")
	}
	b.Write(response("GetStreamingEvents", success("GetStreamingEvents", "<m:ConnectionStatus>Closed</m:ConnectionStatus>")))
	return b.Bytes()
}

type xmlEvents struct {
	Events []struct {
		TimeStamp time.Time
		ItemID    struct {
			ID string `xml:"Id,attr"`
		} `xml:"ItemId"`
	} `xml:"Body>GetStreamingEventsResponse>ResponseMessages>GetStreamingEventsResponseMessage>Notifications>Notification>NewMailEvent"`
}

// BenchmarkEvents10000 takes ten thousand events from an event stream. All clients subscribe first.
func BenchmarkEvents10000(b *testing.B) {
	endpoint := benchServer(b, "events")
	subscribe, request := soapRequest(`<m:Subscribe/>`), soapRequest(`<m:GetStreamingEvents/>`)
	p := newPlain(endpoint)
	m := benchClient(b, endpoint).Own()
	race(b, p.drain(b, 1, request),
		contender{"drain", nil, func(b *testing.B) {
			p.drain(b, 1, subscribe)
			p.drain(b, 1, request)
		}},
		contender{"ews", overDrain, func(b *testing.B) {
			n := 0
			for e, err := range m.Events(context.Background(), nil) {
				if err != nil {
					b.Fatal(err)
				}
				if e.Type == ews.EventNewMail && e.Item.ID != "" {
					if n++; n == cannedEvents {
						break
					}
				}
			}
			if n != cannedEvents {
				b.Fatal(n)
			}
		}},
		contender{"encodingxml", overEWS, func(b *testing.B) {
			p.drain(b, 1, subscribe)
			body := p.post(b, request)
			d := xml.NewDecoder(bufio.NewReader(body)) // goes on behind a root element
			n := 0
			for {
				var v xmlEvents
				if err := d.Decode(&v); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
				n += len(v.Events)
			}
			body.Close()
			if n != cannedEvents {
				b.Fatal(n)
			}
		}})
}
