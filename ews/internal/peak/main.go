// Command peak does one large piece of work with the package and prints the largest resident set it had, in KiB, for the benchmarks of
// memory: a program of its own holds what a user's does, and not the tables of a test binary.
//
//	peak download|upload|list SIZE ENDPOINT
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: peak download|upload|list SIZE ENDPOINT")
	}
	size, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil {
		return err
	}
	if err := work(context.Background(), args[0], size, args[2]); err != nil {
		return err
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Println(strings.Fields(rest)[0])
	return nil
}

func work(ctx context.Context, name string, size int64, endpoint string) error {
	c, err := ews.NewClient(ews.Config{Endpoint: endpoint, AllowLoopbackHTTP: true, Limits: &ews.Limits{StreamBytes: -1},
		Token: ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "t", Expiry: time.Now().Add(time.Hour)}))})
	if err != nil {
		return err
	}
	defer c.Close()
	m := c.Own()
	switch name {
	case "download":
		r, err := m.Attachment(ctx, ews.AttachmentID{ID: "A"})
		if err != nil {
			return err
		}
		defer r.Close()
		if n, err := io.Copy(io.Discard, r); err != nil || n != size {
			return fmt.Errorf("%d bytes of %d: %w", n, size, err)
		}
	case "upload":
		content := ews.Content{Size: size, Open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.LimitReader(zeroes{}, size)), nil
		}}
		_, err := m.Send(ctx, &ews.Draft{To: []ews.Address{{Email: "a@example.com"}}, Attachments: []ews.Upload{{Name: "a", Content: content}}})
		return err
	case "list":
		n := int64(0)
		for _, err := range m.Messages(ctx, ews.Inbox, &ews.Query{Detail: ews.Summary}) {
			if err != nil {
				return err
			}
			n++
		}
		if n != size {
			return fmt.Errorf("%d messages of %d", n, size)
		}
	default:
		return fmt.Errorf("no work is named %.20q", name)
	}
	return nil
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { return len(p), nil }
