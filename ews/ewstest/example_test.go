package ewstest_test

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/oauth2"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/ewstest"
)

// A test of code that fetches mail: a mailbox with one message, a server that is busy once, and a look at what is left.
func Example() {
	s := ewstest.NewServer(nil)
	defer s.Close()
	mb := s.AddMailbox("support@example.com")
	if _, err := mb.Deliver([]byte("From: ann@example.org\r\nSubject: Printer\r\n\r\nIt smokes."), nil); err != nil {
		fmt.Println(err)
		return
	}
	busy := s.Fault(ewstest.Fault{Op: "GetItem", Do: ewstest.BusyFault(10 * time.Millisecond)})

	client, err := ews.NewClient(ews.Config{
		Endpoint:          s.Endpoint(),
		AllowLoopbackHTTP: true,
		Token:             ews.FromOAuth2(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "any"})),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	for m, err := range client.Own().Messages(ctx, ews.Inbox, nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(m.From.Email, m.Subject)
		if err := client.Own().SetRead(ctx, true, m.ID); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println("read:", mb.Items("inbox")[0].Read, "busy answers:", busy.Hits())
	// Output:
	// ann@example.org Printer
	// read: true busy answers: 1
}
