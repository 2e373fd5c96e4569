package autodiscover_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/ewsmail/ewsmail/ews"
	"github.com/ewsmail/ewsmail/ews/autodiscover"
)

// The endpoint of an address, for a client that is then made as ever. Keep the result until it expires.
func ExampleFind() {
	internet := &world{pages: map[string]page{"https://autodiscover.example.com/autodiscover/autodiscover.json": v2("https://mail.example.com/EWS/Exchange.asmx")}}

	found, err := autodiscover.Find(context.Background(), "help@example.com", &autodiscover.Options{HTTPClient: &http.Client{Transport: internet}})
	if err != nil {
		fmt.Println(err) // names every step
		return
	}
	client, err := ews.NewClient(ews.Config{Endpoint: found.Endpoint, Token: source("token"), Mailbox: found.Address})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	fmt.Println(found.Endpoint)
	// Output: https://mail.example.com/EWS/Exchange.asmx
}
