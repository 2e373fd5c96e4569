package ews_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ewsmail/ewsmail/ews"
)

// TestDeadlinesOfManyRequests: requests of one Client that begin at different times, some of them answered, wait for their own time each,
// to the second; and so does one that begins after all were over, and after Close.
func TestDeadlinesOfManyRequests(t *testing.T) {
	const (
		firstByte = 2 * time.Minute
		requests  = 40
	)
	synctest.Test(t, func(t *testing.T) {
		// A request's body tells how long its answer takes.
		rt := roundTripper(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			_, after, _ := strings.Cut(string(body), `<t:ItemId Id="`)
			after, _, _ = strings.Cut(after, `"`)
			d, err := time.ParseDuration(after)
			if err != nil {
				return nil, err
			}
			select {
			case <-time.After(d):
				return reply(200, messages(okMessage(`<m:Items><t:Message><t:ItemId Id="I1" ChangeKey="K1"/></t:Message></m:Items>`)))(r)
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		})
		c := newClient(t, rt, func(c *ews.Config) {
			c.Concurrency = -1
			c.Retry = &ews.RetryPolicy{MaxAttempts: 1}
			c.Limits = &ews.Limits{FirstByte: firstByte}
		})
		call := func(answerAfter time.Duration) {
			began := time.Now()
			_, err := c.Own().Message(context.Background(), ews.ItemID{ID: answerAfter.String()}, nil)
			took := time.Since(began)
			if answerAfter < firstByte {
				if err != nil || took != answerAfter {
					t.Errorf("an answer after %v came after %v: %v", answerAfter, took, err)
				}
			} else if !errors.Is(err, ews.ErrUnavailable) || took != firstByte {
				t.Errorf("a request without an answer ended after %v: %v", took, err)
			}
		}
		var all sync.WaitGroup
		for i := range requests {
			all.Go(func() {
				time.Sleep(time.Duration(i*i*7%101) * time.Second)
				if i%3 == 0 {
					call(time.Duration(i) * time.Second)
				} else {
					call(time.Hour)
				}
			})
		}
		all.Wait()
		time.Sleep(time.Hour)
		call(time.Hour)
		call(time.Second)
		c.Close()
		call(time.Hour)
	})
}

// TestSlowUpload: a request that takes its time to go out, but goes on, waits for its answer from its end on; one that stops midway ends.
func TestSlowUpload(t *testing.T) {
	const firstByte = 2 * time.Minute
	for name, tc := range map[string]struct {
		pause time.Duration // between pieces
		err   error
	}{
		"goes on": {firstByte - time.Second, nil},
		"stops":   {firstByte + time.Second, ews.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pieces := 0
				rt := roundTripper(func(r *http.Request) (*http.Response, error) {
					piece := make([]byte, 64<<10)
					for {
						n, err := r.Body.Read(piece)
						if err == io.EOF {
							break
						}
						if err != nil {
							return nil, err
						}
						if n == 0 {
							continue
						}
						pieces++
						select {
						case <-time.After(tc.pause):
						case <-r.Context().Done():
							return nil, r.Context().Err()
						}
					}
					return reply(200, envelope(`<m:CreateAttachmentResponse><m:ResponseMessages><m:CreateAttachmentResponseMessage ResponseClass="Success">`+
						`<m:ResponseCode>NoError</m:ResponseCode><m:Attachments><t:FileAttachment><t:AttachmentId Id="A1" RootItemId="I1" RootItemChangeKey="K2"/>`+
						`</t:FileAttachment></m:Attachments></m:CreateAttachmentResponseMessage></m:ResponseMessages></m:CreateAttachmentResponse>`))(r)
				})
				c := newClient(t, rt, func(c *ews.Config) {
					c.Retry = &ews.RetryPolicy{MaxAttempts: 1}
					c.Limits = &ews.Limits{FirstByte: firstByte}
				})
				const size = 1 << 20
				_, ids, err := c.Own().Attach(t.Context(), ews.ItemID{ID: "I1", ChangeKey: "K1"}, ews.Upload{Name: "a.bin",
					Content: ews.Bytes(make([]byte, size))})
				require.ErrorIs(t, err, tc.err)
				if tc.err == nil {
					require.Equal(t, "A1", ids[0].ID)
					require.Greater(t, pieces, 20)
				}
			})
		})
	}
}
